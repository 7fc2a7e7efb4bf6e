"""`python -m lib.diagnose my_derivation.py` judges files that are handed in, see `lib.diagnose.submissions`."""

from lib.diagnose.submissions import main

raise SystemExit(main())
