#!/usr/bin/env python3
"""Each lint finds its errors in a small tree with one error, and none in a tree without."""
import pathlib
import tempfile
import unittest

import check_citations
import check_layers
import check_sizes
import check_tree
import source


def findings(check, files):
    """The findings of `check` in a tree of these small files."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check(root)


class Layers(unittest.TestCase):
    def check_one(self, name, text, expected):
        found = findings(check_layers.check, {f"proxy/{name}": text})
        self.assertEqual(len(found), 1, found)
        self.assertIn(expected, found[0])

    def test_an_include_to_the_left_is_fine(self):
        self.assertEqual(findings(check_layers.check, {
            "proxy/net/pipe.cc": '#include "net/pipe.h"\n#include "base/time.h"\n',
            "proxy/main.cc": '#include "cli/main.h"\n'}), [])

    def test_an_include_to_the_right_is_found_with_its_line(self):
        self.check_one("http/parser.cc", '\n#include "net/pipe.h"\n', "proxy/http/parser.cc:2: http must not")

    def test_a_cycle_of_headers_is_found(self):
        found = findings(check_layers.check, {
            "proxy/net/a.h": '// a\n#include "net/b.h"\n', "proxy/net/b.h": '// b\n#include "net/a.h"\n'})
        self.assertEqual(found, ["proxy/net/a.h:1: includes itself: net/a.h -> net/b.h -> net/a.h"])

    def test_the_page_of_the_architecture_has_the_rooms_in_their_order(self):
        wings = "".join(f"| {wing} | {' '.join(f'`{room}`' for room in rooms if room != 'main')} |\n"
                        for wing, rooms in check_layers.WINGS.items())
        self.assertEqual(findings(check_layers.check, {"proxy/ARCHITECTURE.md": wings}), [])
        found = findings(check_layers.check, {"proxy/ARCHITECTURE.md": wings.replace("`os` `event`", "`event` `os`")})
        self.assertEqual(len(found), 1, found)
        self.assertIn("| machine | `os` `event` ", found[0])

    def test_the_drawing_has_sizes_and_arrows(self):
        with tempfile.TemporaryDirectory() as folder:
            room = pathlib.Path(folder) / "proxy" / "net"
            room.mkdir(parents=True)
            (room / "pipe.cc").write_text('#include "net/pipe.h"\n#include "base/time.h"\n')
            self.assertIn("net          1 files     2 lines    -> base", "\n".join(check_layers.draw(pathlib.Path(folder))))

    def test_an_unknown_folder_is_not_a_layer(self):
        self.check_one("util/x.h", "// x\n", "'util' is not a layer")

    def test_includes_are_written_from_proxy(self):
        self.check_one("net/pipe.cc", '#include "pipe.h"\n', 'write "layer/file.h"')

    def test_libevent_has_one_door(self):
        self.check_one("net/pipe.cc", "#include <event2/event.h>\n", "os/poller only")
        self.assertEqual(
            findings(check_layers.check, {"proxy/os/poller.cc": "#include <event2/event.h>\n"}), [])

    def test_yaml_and_cli11_have_one_door_each(self):
        self.check_one("server/x.cc", "#include <yaml-cpp/yaml.h>\n", "config/ only")
        self.check_one("cli/x.cc", "#include <CLI/CLI.hpp>\n", "command_line.cc only")

    def test_bufferevents_and_forced_activation_are_refused(self):
        self.check_one("event/x.cc", "void f() { bufferevent_read(b, 0, 1); }\n", "not used")
        self.check_one("event/x.cc", "struct bufferevent* b;\n", "not used")
        self.check_one("net/x.cc", "void f() { event_active(e, 0, 0); }\n", "only the poller")

    def test_a_loop_has_no_locks_so_that_only_post_crosses_threads(self):
        self.check_one("os/poller.cc", "void f() { evthread_use_pthreads(); }\n", "not used")

    def test_the_data_path_calls_the_kernel_through_sys_h(self):
        self.check_one("net/x.cc", "void f() { ::close(fd); }\n", "through os/sys.h")
        self.assertEqual(findings(check_layers.check, {
            "proxy/os/sys.h": "void f() { ::close(fd); }\n",
            "proxy/net/x.cc": "void f() { sys::close(fd); Pipe::close(); }\n",
            "proxy/server/x.cc": "void f() { ::close(fd); }\n"}), [])

    def test_comments_and_literals_are_not_code(self):
        self.assertEqual(findings(check_layers.check, {
            "proxy/net/x.cc": '// ::close(fd)\n/* throw */ auto s = "throw ::close(";\n'}), [])

    def test_exceptions_are_refused(self):
        self.check_one("net/x.cc", "void f() { throw 1; }\n", "Result<T>")

    def test_heavy_types_stay_out_of_data_path_headers(self):
        self.check_one("session/x.h", "std::function<void()> f;\n", "std::function")
        self.check_one("net/x.h", "std::string name;\n", "std::string")
        self.assertEqual(findings(check_layers.check, {
            "proxy/net/x.h": "std::string_view name;\n", "proxy/net/x.cc": "std::string name;\n"}), [])


class Sizes(unittest.TestCase):
    def test_a_long_header_and_a_long_source_are_found(self):
        found = findings(check_sizes.check, {"proxy/net/x.h": "\n" * 251, "proxy/net/x.cc": "\n" * 601,
                                             "proxy/net/ok.h": "\n" * 250})
        self.assertEqual(found, ["proxy/net/x.cc:1: 601 lines, at most 600",
                                 "proxy/net/x.h:1: 251 lines, at most 250"])

    def test_a_long_function_is_found_where_it_begins(self):
        body = "  x();\n" * 70
        text = f"namespace weir {{\nint A::f(int a) const {{\n{body}}}\n}}  // namespace weir\n"
        found = findings(check_sizes.check, {"proxy/net/x.cc": text})
        self.assertEqual(found, ["proxy/net/x.cc:2: 72 lines in 'int A::f(int a) const', at most 70"])

    def test_a_long_class_of_short_functions_is_fine(self):
        text = "class A {\n" + "  int f() { return 1; }\n" * 80 + "};\n"
        self.assertEqual(findings(check_sizes.check, {"tests/unit/x.h": text}), [])

    def count(self, body):
        return [row[1:] for row in check_sizes.classes(f"class A final : private B<C, D> {{\n{body}}};\n")]

    def test_members_and_functions_of_a_class_are_counted(self):
        body = (" public:\n  explicit A(int a) : a_(a) {}\n  ~A();\n  A& operator=(const A&) = delete;\n"
                "  void f(std::pair<int, int> a) const { if (a) { g(); } }\n  template <typename T>\n  T g() const;\n"
                " private:\n  using E = int;\n  enum class S { a, b };\n  friend class B;\n"
                "  static constexpr int kMost = 3;\n  int a_ = 0, b_{};\n  std::map<int, int> c_;\n"
                "  bool d_ = f(1, 2);\n  static int e(int);\n")
        self.assertEqual(self.count(body), [("A", 4, 6)])

    def test_an_inner_class_counts_for_itself(self):
        self.assertEqual(self.count("  struct B {\n    int a, b;\n    int f();\n  };\n  B b_;\n"),
                         [("A", 1, 0), ("B", 2, 1)])

    def test_a_large_class_is_found_and_a_listed_one_may_not_grow(self):
        members = "".join(f"  int m{i}_ = 0;\n" for i in range(26))
        functions = "".join(f"  int f{i}();\n" for i in range(31))
        text = f"class A {{\n{members}{functions}}};\n"
        self.assertEqual(findings(check_sizes.check, {"proxy/net/x.h": text}),
                         ["proxy/net/x.h:1: A has 26 data members, at most 25",
                          "proxy/net/x.h:1: A has 31 functions, at most 30"])
        listed, (data, functions_, _) = next(iter(check_sizes.LARGE_CLASSES.items()))
        path, name = listed.split()
        text = f"class {name} {{\n" + "".join(f"  int m{i};\n" for i in range(data + 1)) + "};\n"
        self.assertEqual(findings(check_sizes.check, {path: text}),
                         [f"{path}:1: {name} has {data + 1} data members, at most {data}"])
        self.assertIn(f"'{listed}' is an exception but is not large",
                      "\n".join(findings(check_sizes.stale_exceptions, {})))

    def test_a_long_table_is_not_a_function(self):
        text = "constexpr Row kRows[] = {\n" + '  {f("a"), 1},\n' * 80 + "};\n"
        self.assertEqual(findings(check_sizes.check, {"proxy/net/x.cc": text}), [])

    def test_tests_are_functions_and_lambdas_count_with_their_function(self):
        body = "  auto f = [&](int a) {\n    g();\n  };\n" * 24
        found = findings(check_sizes.check, {"tests/unit/x_test.cc": f"TEST(A, B) {{\n{body}}}\n"})
        self.assertEqual(len(found), 1, found)

    def test_constructors_with_initialisers_are_functions(self):
        body = "  x();\n" * 70
        found = findings(check_sizes.check, {"proxy/a.cc": f"A::A(int b)\n    : b_(b), c_(1) {{\n{body}}}\n"})
        self.assertIn("73 lines", found[0])

    def test_braces_in_literals_and_comments_do_not_count(self):
        text = "int f() {\n  // }\n  g('}', \"}\", R\"x(})x\");\n" + "  x();\n" * 68 + "}\n"
        self.assertIn("72 lines", findings(check_sizes.check, {"proxy/net/x.cc": text})[0])


class TheTree(unittest.TestCase):
    def test_a_folder_without_a_readme_is_found(self):
        self.assertEqual(findings(check_tree.check, {"proxy/net/x.cc": "\n"}),
                         ["proxy/net: has no README.md"])

    def test_a_header_needs_its_contract_and_its_guard(self):
        found = findings(check_tree.check, {"proxy/net/README.md": "x\n" * 10,
                                            "proxy/net/x.h": "#include <vector>\n"})
        self.assertEqual(len(found), 2, found)
        self.assertIn("opens with its contract", found[0])
        self.assertIn("pragma once", found[1])

    def test_the_top_level_is_closed(self):
        found = findings(check_tree.check, {"proxy/main.cc": "\n", "docs/x.md": "\n"})
        self.assertEqual(len(found), 1, found)
        self.assertIn("docs: does not belong", found[0])

    def test_unfinished_work_and_sleeping_tests_are_found(self):
        found = findings(check_tree.check, {
            "tests/unit/x_test.cc": "// " + "TO" + "DO: more\nstd::this_thread::sleep" + "_for(1s);\n"
                                    "TEST(A, DISABLED" + "_b) {}\n",
            "tests/x_test.py": "time.sleep" + "(1)\nself.skip" + "Test('why')\n",
            "proxy/main.cc": "class SocketManager;\n"})
        self.assertEqual(len(found), 6, found)

    def test_banned_words_are_found_in_names_of_functions(self):
        found = findings(check_tree.check, {
            "proxy/main.cc": "void shake" + "_hands();\nTEST(NoBody, IsFine) {}\nbool no" + "body;\n"})
        self.assertEqual([finding.split(": ")[0] for finding in found], ["proxy/main.cc:1", "proxy/main.cc:3"])

    def test_banned_words_are_found_in_comments_and_documents(self):
        found = findings(check_tree.check, {
            "proxy/main.cc": "// No word of fare" + "well.\n// A hand" + "shake is fine.\n",
            "deploy/README.md": "It comp" + "lains: m" + "end these first.\n"})
        self.assertEqual([finding.split(": use")[0] for finding in found],
                         ["deploy/README.md:1: 'comp" + "lains'", "deploy/README.md:1: 'm" + "end'",
                          "proxy/main.cc:1: 'fare" + "well'"])


class Citations(unittest.TestCase):
    TABLE = "| T1 | an object is freed |\n| T4 | a short read |\n"

    def check_comment(self, comment, expected, files=None):
        found = findings(lambda root: list(check_citations.check(root)),
                         {"proxy/ARCHITECTURE.md": self.TABLE, "proxy/net/x.cc": f"\n// {comment}\n", **(files or {})})
        self.assertEqual(found, [f"proxy/net/x.cc:2: {expected}"] if expected else [])

    def test_a_trap_stands_in_the_table(self):
        self.check_comment("Trap T1, and (traps T1 and T4).", None)
        self.check_comment("(traps T4 and T8)", "'trap T8' does not stand in the table of proxy/ARCHITECTURE.md")

    def test_a_file_is_found_from_the_top_from_proxy_and_tests_and_beside(self):
        files = {"proxy/net/y.h": "", "tests/unit/net/y_test.cc": "", "README.md": ""}
        for cited in ("net/y.h", "proxy/net/y.h", "y.{h}", "y.h", "unit/net/y_test.cc", "net/*.h", "README.md"):
            self.check_comment(f"See {cited}.", None, files)
        for cited in ("base/y.h", "y.cc", "unit/y_test.cc", "net/z*.h", "docs/plan.md", "plan.md"):
            self.check_comment(f"See {cited}.", f"'{cited}': there is no such file", files)
        self.check_comment("See y.{h,cc}.", "'y.cc': there is no such file", files)

    def test_files_of_libraries_of_operators_and_placeholders_are_no_citations(self):
        for cited in ("/etc/weir/gone.yaml", "event2/event.h", "NAME.cc", "gone.yaml", "https://a.test/gone.md", "\"gone.h\""):
            self.check_comment(f"x {cited}", None if cited[0] != '"' else "'gone.h': there is no such file")

    def test_code_and_literals_are_no_citations(self):
        self.assertEqual(findings(lambda root: list(check_citations.check(root)), {
            "proxy/net/x.cc": '#include "gone/x.h"\nauto s = "trap T9, gone.md";\n'}), [])

    def test_a_heading_exists(self):
        files = {"proxy/STYLE.md": "# Style\n## `One` and two\n"}
        self.check_comment("(STYLE.md#one-and-two)", None, {"proxy/net/STYLE.md": files["proxy/STYLE.md"]})
        found = findings(lambda root: list(check_citations.check(root)), {
            **files, "README.md": "[a](proxy/STYLE.md#one-and-two) [b](proxy/STYLE.md#three) [c](#four)\n\n# Five\n"})
        self.assertEqual(found, ["README.md:1: 'proxy/STYLE.md#three': there is no such heading",
                                 "README.md:1: '#four': there is no such heading"])

    def test_a_decision_has_its_page(self):
        files = {"proxy/decisions/003-x.md": "# 003\n"}
        self.check_comment("Decision 003 and decision 003.", None, files)
        self.check_comment("By decision 004.", "'decision 004': proxy/decisions has no such page", files)

    def test_numbers_of_texts_that_are_elsewhere_are_no_citations(self):
        for cited in ("section 5.8", "drain 5.8", "row H12", "issue 12", "§ 4"):
            with self.subTest(cited):
                found = findings(lambda root: list(check_citations.check(root)), {"proxy/x.cc": f"// By {cited}.\n"})
                self.assertEqual(len(found), 1, found)
                self.assertIn(f"'{cited}'", found[0])
        for cited in ("RFC 9110, section 9.2", "in section 2 of the manual", "HTTP/1.1 9.2"):
            self.check_comment(cited, None)

    def test_scripts_and_docstrings_cite_too(self):
        found = findings(lambda root: list(check_citations.check(root)), {
            "tests/run": "#!/bin/sh\n# As gone.md says.\nls also_gone.md\n", "tests/x.py": '"""By gone.py."""\n'})
        self.assertEqual(found, ["tests/run:2: 'gone.md': there is no such file", "tests/x.py:1: 'gone.py': there is no such file"])


class Blanking(unittest.TestCase):
    def test_lines_and_columns_stay(self):
        text = "a /* x\ny */ b // c\n'd' 1'000'000 \"e\\\"f\" R\"(g\nh)\" i\n"
        blanked = source.code_only(text)
        self.assertEqual(len(blanked), len(text))
        self.assertEqual([len(line) for line in blanked.split("\n")], [len(line) for line in text.split("\n")])
        self.assertEqual(blanked.split(), ["a", "b", "1'000'000", '""', '""', "i"])


if __name__ == "__main__":
    unittest.main()
