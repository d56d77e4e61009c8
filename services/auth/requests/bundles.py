"""The curated GraphQL bundles there are to ask for. Pure."""

# graphql-api's folder of bundles, of which a test holds this to be the copy.
CATALOGUE = ("acqi-reporting", "incident-management", "incident-webhooks", "telephony-admin")
