"""`make demo`: one whole hypercare period on a real control plane, told on the terminal."""
