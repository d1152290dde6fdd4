"""The program of workers in another interpreter, which `puffer.backends.links.interpreter` starts.

Of that interpreter its modules need Python 3.8, NumPy 1.20 and the package of the environment, and nothing of puffer
but this folder: they import one another by relative names. The program makes copies, resets and steps them when told,
and sends back what they return; the parent lays that out.
"""
