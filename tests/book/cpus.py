"""Do the printed numbers hold on other CPUs? Strict nbval over every chapter, as older and newer ones would run it.

    python tests/book/cpus.py [notebook ...]

OpenBLAS picks its kernels by OPENBLAS_CORETYPE; NPY_DISABLE_CPU_FEATURES takes NumPy's own vector loops away.
"""
from __future__ import annotations

import itertools
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from notebooks import CHAPTERS, nbval, page

CORES = {"Nehalem": {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"},
         "Haswell": {"OPENBLAS_CORETYPE": "Haswell"}}


def main(names: list[str]) -> int:
    paths = [Path(name).resolve() for name in names] or CHAPTERS
    cases = list(itertools.product(CORES, ("1", "2"), paths))
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda case: nbval(case[2], OPENBLAS_NUM_THREADS=case[1], **CORES[case[0]]), cases))
    for (core, threads, path), run in zip(cases, runs, strict=True):
        print(f"{core}, {threads} thread{'s' * (threads > '1')}, {page(path)}: {run.stdout.splitlines()[-1]}")
        print("".join(f"  {line}\n" for line in run.stdout.splitlines() if line.startswith("FAILED")), end="")
    return int(any(run.returncode for run in runs) or not runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
