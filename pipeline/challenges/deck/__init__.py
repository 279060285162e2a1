"""The slide deck's small programs, told again in numpy: the controls of the experiments.

`printed` holds them with their mistakes, each a function that does what the slide's program does when it is run; the
other files hold what a program had to be to show what its slide claims.
"""
