#!/usr/bin/env python3
"""The finder of blocks finds them, and the links of the documents lead somewhere."""
import pathlib
import re
import unittest

import blocks

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Blocks(unittest.TestCase):
    def test_finds_language_line_and_text(self):
        found = blocks.blocks_of("a.md", "x\n```sh\nls\n```\n\n- y\n  ```yaml\n  a: b\n  ```\n")
        self.assertEqual([(b.place, b.language, b.text) for b in found],
                         [("a.md:2", "sh", "ls\n"), ("a.md:7", "yaml", "a: b\n")])

    def test_an_open_block_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "a.md:1"):
            blocks.blocks_of("a.md", "```sh\nls\n")


class Links(unittest.TestCase):
    def test_lead_to_files_of_the_tree(self):
        for name, text in blocks.documents(ROOT):
            text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
                if "://" not in target:
                    path = (ROOT / name).parent / target
                    self.assertTrue(path.exists(), f"{name} links to {target}")


if __name__ == "__main__":
    unittest.main()
