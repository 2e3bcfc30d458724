#!/usr/bin/env python3
"""The printers of .gdbinit print every type they are for: gdb stops in a small program with a value of each type.

usage: gdb_test.py COMPILER
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPILER = None

PROGRAM = """
#include "base/intrusive_list.h"
#include "base/text_buffer.h"
#include "base/time.h"
#include "base/unique_fd.h"

struct Other : weir::ListNode {};
struct Tag : weir::ListNode {};
struct Element : Other, Tag { virtual ~Element() = default; };
struct Special : Element { explicit Special(int n) : number(n) {} int number; };

void stop() {}

int main() {
  weir::Duration duration = std::chrono::milliseconds(1500);
  weir::TimePoint moment(std::chrono::seconds(12)), never = weir::kNever;
  weir::UniqueFd fd;
  weir::TextBuffer text;
  text.append("used up, what is left").drop_front(9);
  Special one(1), two(2);
  weir::IntrusiveList<Element, Tag> list;
  list.push_back(one);
  list.push_back(two);
  stop();
  return duration.count() == 0 || moment == never || fd || text.empty();
}
"""
EXPECTED = {
    "duration": r"1\.500000 s", "moment": r"12\.000000 s", "never": "never", "fd": "fd -1", "text": '"what is left"',
    "list": r"list of 2 = \{\[0\] = 0x", "*$at(list, 1)": r"\(Special\) \{.*number = 2",
}


class Printers(unittest.TestCase):
    def test_print_times_descriptors_texts_and_lists(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "program.cc").write_text(PROGRAM)
            subprocess.run([COMPILER, "-std=c++20", "-g", "-O0", "-I", ROOT / "proxy", folder / "program.cc",
                            "-o", folder / "program"], check=True)
            commands = ["break stop", "run", "up", *(f"print {expression}" for expression in EXPECTED)]
            result = subprocess.run(["gdb", "-q", "-batch", "-nh", "-x", ROOT / ".gdbinit",
                                     *(word for command in commands for word in ("-ex", command)),
                                     folder / "program"], capture_output=True, text=True)
            printed = re.split(r"^\$\d+ = ", result.stdout, flags=re.MULTILINE)[1:]
        self.assertEqual(len(printed), len(EXPECTED), result.stdout + result.stderr)
        for (name, pattern), text in zip(EXPECTED.items(), printed):
            self.assertRegex(text.replace("\n", " "), pattern, name)


if __name__ == "__main__":
    COMPILER = sys.argv.pop(1)
    unittest.main()
