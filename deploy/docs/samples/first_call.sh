API=https://api.knogin.com

KNOGIN_TOKEN=$(curl -sS "$API/v1/oauth/token" \
  -d "grant_type=client_credentials" \
  -d "client_id=$KNOGIN_CLIENT_ID" \
  -d "client_secret=$KNOGIN_CLIENT_SECRET" \
  -d "scope=argus:epcr:write" | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')

curl -sS "$API/api/v1/epcr/encounters" \
  -H "Authorization: Bearer $KNOGIN_TOKEN" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: cad-4711/AMB-42" \
  -d '{
    "care_model": "prehospital_emergency",
    "vehicle_id": "AMB-42",
    "crew_ids": ["crew-7"],
    "cad_incident_id": "cad-4711"
  }'
