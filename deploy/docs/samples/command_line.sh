knogin doctor
knogin deliveries list --status failed --since 2h
knogin deliveries list --json
