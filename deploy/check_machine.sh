#!/bin/sh
# Checks what pip cannot install, and names the package that has it. Called by the Makefile.
set -u
python=${PYTHON:-python3}
problems=0

say() {
    echo "thespis: $1" >&2
    problems=1
}

if ! command -v "$python" >/dev/null 2>&1; then
    say "$python is missing; install Python 3.11, 3.12 or 3.13 (Debian: apt-get install python3 python3-venv)"
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
    say "$("$python" --version) is not supported; use 3.11, 3.12 or 3.13 (make PYTHON=python3.12 ...)"
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    say "the venv module is missing (Debian: apt-get install python3-venv)"
fi
if [ "$(uname -s)" != Linux ]; then
    say "the process base needs Linux (pidfd, parent-death signal, /proc); use a Linux machine or container"
fi
# libp2p needs fastecdsa, which comes as source: a C compiler and the headers of GMP and Python
compiler=${CC:-cc}
if ! command -v "$compiler" >/dev/null 2>&1; then
    say "a C compiler is missing (Debian: apt-get install gcc; Fedora: dnf install gcc)"
elif ! echo '#include <gmp.h>' | "$compiler" -E - >/dev/null 2>&1; then
    say "the headers of GMP are missing (Debian: apt-get install libgmp-dev; Fedora: dnf install gmp-devel)"
elif ! echo '#include <Python.h>' |
    "$compiler" -E -I"$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')" - >/dev/null 2>&1; then
    say "the headers of Python are missing (Debian: apt-get install python3-dev; Fedora: dnf install python3-devel)"
fi
exit $problems
