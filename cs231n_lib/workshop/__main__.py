"""``python -m cs231n_lib.workshop grade workbook.ipynb …``"""

import sys

from cs231n_lib.workshop.grade import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
