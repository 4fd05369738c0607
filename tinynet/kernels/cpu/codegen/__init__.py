"""Machine code for the fast CPU kernels: a small language, its compiler with a cache on disk, and a team of threads.

`language` builds LLVM instructions from Python, `compiler` turns them into functions, `team` runs those on all cores;
the other modules are kernels written in the language. Needs llvmlite; without it the NumPy kernels run instead.
"""
