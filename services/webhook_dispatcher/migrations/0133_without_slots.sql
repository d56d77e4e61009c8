DROP TRIGGER bound_turns ON replays;
DROP TRIGGER bound_turns ON chores;
DROP FUNCTION public.bound_turns(), public.turn_of(text);
ALTER TABLE replays DROP COLUMN turn_of, DROP COLUMN slot;
ALTER TABLE chores DROP COLUMN turn_of, DROP COLUMN slot;

DROP TRIGGER keep_results_of_senders ON subscriptions;
DROP FUNCTION public.keep_results_of_senders();

DROP TRIGGER require_sealed_inserts ON subscriptions;
DROP TRIGGER require_sealed_updates ON subscriptions;
DROP FUNCTION public.require_sealed_for_an_address();
