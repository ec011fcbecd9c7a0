"""Exit criteria and the evidence for them: from samples to points and verdicts, each kind by its rules."""
