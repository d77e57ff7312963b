#!/bin/bash
# SPDX-License-Identifier: MIT
# Python's own tests of what it wants from an operating system: each has the same verdict on Microcosm as
# natively, but for those that are named here, each with the reason. As an ordinary user, since root's change
# the machine. Debian's libpython3.N-testsuite.
# timeout: 600
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

python=/usr/bin/python3
"$python" -c 'import test.test_os, test.test_subprocess' 2>/dev/null || skip "no tests of Python's (libpython3.N-testsuite)"

# The user can reach none of what this was built from: a copy of it.
place=$(TMPDIR=/tmp mktemp -d) || fail "no temporary directory"
trap 'chmod -R u+rwx "$place"; rm -rf "$place"' EXIT
chmod 755 "$place"
cp -r "${microcosm%/bin/microcosm}/bin" "${microcosm%/bin/microcosm}/lib" "$place" || fail "cannot copy"
mkdir "$place/native" "$place/guest"
as_user=()
if [ "$(id -u)" = 0 ]; then
	uid=64321
	while getent passwd "$uid" >/dev/null; do uid=$((uid + 1)); done
	as_user=(setpriv --reuid "$uid" --regid "$uid" --clear-groups)
	chown "$uid" "$place/native" "$place/guest"
fi

# Modules, or classes in one: what is quick of them.
tests_run=(test_epoll test_fcntl test_glob test_grp test_locale test_mmap test_os test_pathlib test_poll.PollTests
	test_posix test_pty test_pwd test_resource test_select test_shutil test_signal.PosixTests
	test_signal.WakeupSignalTests test_signal.WakeupFDTests test_signal.PidfdSignalTest
	test_socket.GeneralModuleTests test_socket.BasicTCPTest test_socket.BasicUDPTest
	test_socket.BasicSocketPairTest test_socket.SendmsgTCPTest test_socket.RecvmsgUDPTest test_socket.TestExceptions
	test_stat test_subprocess.POSIXProcessTestCase test_tempfile test_thread test_time)

# A regular expression for the names, and why.
cat >known <<'END'
test_fcntl\..*\.test_fcntl_64_bit F_NOTIFY makes the kernel send signals
test_os\..*\.test_tcsetpgrpt whether the group is of this world is looked at first, EPERM, then the descriptor
test_signal\.PidfdSignalTest\.test_pidfd_send_signal a directory of /proc is no pidfd: /proc is not the kernel's
test_socket\.GeneralModuleTests\.testInterfaceNameIndex the host's interfaces are not told
test_socket\.GeneralModuleTests\.test_get(addr|name)info_ipv6_scopeid_symbolic the host's interfaces are not told
END

cat >verdicts.py <<'END'
# verdicts.py OUT NAME...: runs test.NAME, a module or a class in one; a line for each test in OUT, and
# in OUT.why what was wrong.
import faulthandler, importlib, sys, unittest
from test import support

out = open(sys.argv[1], "w", buffering=1)
why = open(sys.argv[1] + ".why", "w", buffering=1)

class Verdicts(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.verdict = "ok"
        print("begins:", test.id(), file=why)
        faulthandler.dump_traceback_later(120, exit=True, file=why)
    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        print(test.id().removeprefix("test."), self.verdict, file=out)
    def failed(self, test, error):
        self.verdict = "failed"
        print(self._exc_info_to_string(error, test), file=why)
    addError = addFailure = failed
    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.failed(test, error)
    def addSkip(self, test, reason):
        self.verdict = "skipped"
        print(reason, file=why)
    def addExpectedFailure(self, test, error):
        self.verdict = "failed, as expected"

load = unittest.defaultTestLoader
for name in sys.argv[2:]:
    module, _, group = name.partition(".")
    module = importlib.import_module("test." + module)
    suite = load.loadTestsFromName(group, module) if group else load.loadTestsFromModule(module)
    suite.run(Verdicts())
print("end", file=out)
END

mv verdicts.py "$place"
run() { # SIDE COMMAND...
	local side=$1
	shift
	(cd "$place/$side" && exec "${as_user[@]}" env HOME=/nonexistent TMPDIR="$PWD" PYTHONDONTWRITEBYTECODE=1 \
		"$@" "$python" "$place/verdicts.py" verdicts "${tests_run[@]}" </dev/null) >"$side.said" 2>&1 ||
		fail "$side: status $?: $(cat "$place/$side/verdicts.why" "$side.said" | tail -n 30)"
	[ "$(tail -n 1 "$place/$side/verdicts")" = end ] || fail "$side: not to the end: $(tail -n 30 "$side.said")"
	sort "$place/$side/verdicts" >"$side.out"
	cp "$place/$side/verdicts.why" "$side.why"
}

run native
run guest "$place/bin/microcosm" --host-ro --rw "$place" --net=host --
total=$(wc -l <native.out)
[ "$total" -gt 1000 ] || fail "only $total tests"
cut -d ' ' -f 1 known >known.names
diff native.out guest.out | grep '^[<>]' | grep -vEf known.names >differences
[ ! -s differences ] || fail "natively <, on Microcosm >:
$(cat differences)
$(while read -r _ name _; do grep -A 12 -- "^begins: test.$name" guest.why; done <differences | head -n 60)"
exit 0
