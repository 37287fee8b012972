"""Coverage-guided fuzzing of ``tdx`` evidence.

    python tests/fuzz/fuzz_quotes_dcap_tdx.py -max_total_time=1200 CORPUS

Needs `atheris` and the `tee` extra; `fuzz_quotes_driver` says what is a finding.
"""

from fuzz_quotes_driver import fuzz

if __name__ == "__main__":
    fuzz("tdx")
