"""Fair shares between organisations, in three forms: a Rate of requests, Places for work at a time, a Line for heavy work."""
