"""The conformance page, with the rules of the actors counted while vectors and traces run."""

import sys

from tests.conformance import rules

if __name__ == "__main__":
    rules.install()
    from tests.conformance import report

    sys.exit(report.main())
