#!/usr/bin/env python3
"""The finder of blocks finds them, and the links of the documents lead somewhere."""
import pathlib
import re
import unittest

import blocks
import key_table

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Blocks(unittest.TestCase):
    def test_finds_language_line_and_text(self):
        found = blocks.blocks_of("a.md", "x\n```sh\nls\n```\n\n- y\n  ```yaml\n  a: b\n  ```\n")
        self.assertEqual([(b.place, b.language, b.text) for b in found],
                         [("a.md:2", "sh", "ls\n"), ("a.md:7", "yaml", "a: b\n")])

    def test_an_open_block_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "a.md:1"):
            blocks.blocks_of("a.md", "```sh\nls\n")


    def test_code_in_another_form_is_an_error(self):
        for text in ("x\n\n    ls\n", "\tls\n", "x\n~~~sh\nls\n~~~\n"):
            with self.assertRaisesRegex(ValueError, "a.md:[123]: write the block between"):
                blocks.blocks_of("a.md", text)
        text = "- x\n\n    - y\n\n  z\n      still z\n```sh\n\n    ls\n```\n"
        self.assertEqual(len(blocks.blocks_of("a.md", text)), 1)

    def test_of_documents_for_the_hosting_site_too(self):
        self.assertIn(".github/SECURITY.md", dict(blocks.documents(ROOT)))

    def test_of_all_documents_can_be_found(self):
        for name, text in blocks.documents(ROOT):
            blocks.blocks_of(name, text)


class Paths(unittest.TestCase):
    """Files that a document names in back quotes: from the top, from proxy/, or beside the document."""

    FILE = re.compile(r"[\w*?{},-]+\.(h|cc|def|py|md|service|\{h,cc\})")

    PROTOCOLS = ("http/1.0", "http/1.1")  # of ALPN; no files of http/

    @staticmethod
    def alternatives(path):
        match = re.search(r"\{([^{}]*)\}", path)
        if not match:
            return [path]
        return [path[:match.start()] + word + path[match.end():] for word in match[1].split(",")]

    def named(self, text, folders):
        beginnings = {path.name for folder in folders for path in folder.iterdir()
                      if path.is_dir() and not path.name.startswith((".", "build"))}
        text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for quoted in re.findall(r"`([^`\n]+)`", text):
            word = quoted.split()[0].rstrip("/")
            if word in self.PROTOCOLS:
                continue
            if word.split("/")[0] in beginnings and "/" in word or self.FILE.fullmatch(word):
                yield from self.alternatives(word)

    def test_exist(self):
        for name, text in blocks.documents(ROOT):
            folders = [ROOT, ROOT / "proxy", (ROOT / name).parent]
            for path in self.named(text, folders):
                found = any(any(folder.glob(path)) for folder in folders)
                with self.subTest(document=name):
                    self.assertTrue(found, f"{name} names {path}, which is not there")


    def test_of_diagrams_exist(self):
        for name, text in blocks.documents(ROOT):
            for block in blocks.blocks_of(name, text):
                if block.language == "mermaid":
                    for path in re.findall(r"[a-z]\w*/\w+\.(?:h|cc)\b", block.text):
                        with self.subTest(document=block.place):
                            self.assertTrue((ROOT / "proxy" / path).is_file(), f"{path} is not there")


class Questions(unittest.TestCase):
    """proxy/ARCHITECTURE.md answers each question in at most two files, which have the functions that it names."""

    def rows(self):
        page = (ROOT / "proxy/ARCHITECTURE.md").read_text()
        table = page[page.index("## Where is it?"):].split("\n## ")[0]
        for line in table.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 3 and cells[0].endswith("?"):
                yield cells

    def test_are_ten_at_least(self):
        self.assertGreaterEqual(len(list(self.rows())), 10)

    def test_are_answered_by_two_files_at_most(self):
        for question, answer, files in self.rows():
            paths = re.findall(r"`([^`]+)`", files)
            with self.subTest(question=question):
                self.assertIn(len(paths), (1, 2))
                text = "".join((ROOT / "proxy" / path).read_text() for path in paths)
                for name in re.findall(r"`(?:\w+::)*(\w+)(?:\(\))?`", answer):
                    self.assertRegex(text, rf"\b{name}\b")


class Links(unittest.TestCase):
    def test_lead_to_files_of_the_tree(self):
        for name, text in blocks.documents(ROOT):
            text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
                if "://" not in target:
                    path = (ROOT / name).parent / target
                    self.assertTrue(path.exists(), f"{name} links to {target}")


class Decisions(unittest.TestCase):
    FOLDER = ROOT / "proxy/decisions"
    PARTS = ["Why", "Rejected", "What would change our mind"]

    def test_are_listed_under_their_titles_and_numbered_without_gaps(self):
        pages = sorted(path for path in self.FOLDER.glob("*.md") if path.name != "README.md")
        rows = re.findall(r"^\| \[(\d{3})\]\(([\w-]+\.md)\) \| (.*) \|$", (self.FOLDER / "README.md").read_text(), re.MULTILINE)
        self.assertEqual([f"{number}: {title}" for number, _, title in rows],
                         [path.read_text().split("\n")[0].removeprefix("# ") for path in pages])
        self.assertEqual([name for _, name, _ in rows], [path.name for path in pages])
        self.assertEqual([int(path.name[:3]) for path in pages], list(range(1, len(pages) + 1)))

    def test_have_reasons_rejected_options_and_conditions_on_one_page(self):
        for path in self.FOLDER.glob("[0-9]*.md"):
            with self.subTest(path.name):
                text = path.read_text()
                self.assertEqual(re.findall(r"^## (.*)$", text, re.MULTILINE), self.PARTS)
                self.assertLessEqual(text.count("\n"), 60)


class Bounds(unittest.TestCase):
    def test_listed_names_are_those_of_the_sources(self):
        there = {key.path: key.default for key in key_table.keys(ROOT, "0.1")}
        fixed = (ROOT / "proxy/config/fixed_limits.def").read_text().replace('"\n      "', "")
        there.update(re.findall(r'^FIXED\("([^"]*)", "([^"]*)"', fixed, re.MULTILINE))
        text = (ROOT / ".github/SECURITY.md").read_text()
        promised = re.findall(r"^\| (?!bound )([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
        self.assertGreater(len(promised), 20)
        for what, value in promised:
            with self.subTest(what):
                key = re.fullmatch(r"`(\S+)`", what)
                self.assertEqual(there.get(key[1] if key else what), value)


if __name__ == "__main__":
    unittest.main()
