"""The slide deck's small programs, rewritten in numpy: the controls of the experiments.

`printed` has them with their mistakes, each a function that does what the slide's program does; the other files have
what a program would need to show what its slide claims.
"""
