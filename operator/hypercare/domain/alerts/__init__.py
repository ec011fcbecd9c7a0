"""Tightening alerts: which are chosen, how each is rewritten, the overlay of the copies, the proof that it is live."""
