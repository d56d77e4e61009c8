-- Headers and grants are encrypted for their webhook, as its other secrets are, and for no address: whoever has a password of this database owns its
-- webhooks.
DROP FUNCTION public.require_sealed_for_an_address() CASCADE;
