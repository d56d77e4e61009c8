"""The HTTP door, for partners (`encounters`) and for the crew's own application (`records`)."""
