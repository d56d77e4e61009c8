-- Headers and grants are encrypted for their webhook, like its other secrets, and for no address. The holder of a password of this database owns its
-- webhooks.
DROP FUNCTION public.require_sealed_for_an_address() CASCADE;
