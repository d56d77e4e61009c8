-- The planner would rather join a portion of a sandbox's observations with all observations of all organisations than find each by its key.
ALTER FUNCTION public.erase_sandbox_devices(integer) SET enable_hashjoin = off;
ALTER FUNCTION public.erase_sandbox_devices(integer) SET enable_mergejoin = off;
ALTER FUNCTION public.erase_sandbox_devices(integer) SET enable_seqscan = off;
