"""What each reason means and what to do about it: of conditions, lists of the status, Events and the timeline.

One place for the page docs/reference/reasons.md and for the command line. A test compares it with the code, both ways:
a reason that the code can tell has its explanation here, and what is explained here can be told.
"""
