"""Runs one module of CPython's own tests, and says of each test how it ended: "end TEST ok|fail|skip".

cpython.py MODULE SAID [PATTERN...]: leaves out what SAID, the output of runs before, has of this module, and the tests whose
names match a pattern. A line "start TEST" goes before each, so that a test that never ends is known by its name; it takes
the process with it, and the next run goes on behind it. Python's own runner says that only of whole modules.
"""

import faulthandler
import fnmatch
import os
import sys
import unittest

import test.support

PATIENCE = 30  # seconds; the slowest that ends takes ten

test.support.verbose = 0


def say(*words):
    print(*(word.replace(" ", "_") for word in words), flush=True)


class Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.verdict = "ok"
        say("start", test.id())
        faulthandler.dump_traceback_later(PATIENCE, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        say("end", test.id(), self.verdict)

    def addError(self, test, error):
        self.verdict = "fail"
        print(test.id(), self._exc_info_to_string(error, test), file=sys.stderr, flush=True)
        self.end_fixture(test)

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addError(test, error)

    def addUnexpectedSuccess(self, test):
        self.verdict = "fail"

    def addSkip(self, test, reason):
        self.verdict = "skip"
        self.end_fixture(test)

    def end_fixture(self, test):
        """A class or a module that was not set up is no test, and none of its tests starts."""
        if not isinstance(test, unittest.TestCase) and not hasattr(test, "test_case"):
            say("end", test.id(), self.verdict)


def kept(suite, said, patterns):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield unittest.TestSuite(kept(item, said, patterns))
        elif item.id() not in said and not any(fnmatch.fnmatchcase(item.id(), p) for p in patterns):
            yield item


module, before, *patterns = sys.argv[1:]
with open(before) as lines:
    said = {line.split()[1] for line in lines if line.startswith("start ")}
loaded = unittest.defaultTestLoader.loadTestsFromName("test." + module)
unittest.TestSuite(kept(loaded, said, patterns)).run(Result())
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)  # threads that wait for what never came do not matter now
