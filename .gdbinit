# Printers for types of weir, for builds with full debug information (the preset dev): gdb -x .gdbinit build/dev/weir
# proxy/DEBUGGING.md shows how. tests/docs/gdb_test.py checks what they print.
set print object on
set print static-members off
# The signals that weir handles itself.
handle SIGHUP SIGUSR1 SIGPIPE nostop noprint pass

python
import gdb
import gdb.printing

NEVER = (1 << 63) - 1


def seconds(nanoseconds):
    return "never" if nanoseconds == NEVER else f"{nanoseconds / 1e9:.6f} s"


class Printer:
    def __init__(self, value):
        self.value = value


class Duration(Printer):  # of nanoseconds; others keep the printer of the library
    def to_string(self):
        return seconds(int(self.value["__r"]))


class TimePoint(Printer):  # since the boot of the machine
    def to_string(self):
        return seconds(int(self.value["__d"]["__r"]))


class UniqueFd(Printer):
    def to_string(self):
        return f"fd {int(self.value['fd_'])}"


class TextBuffer(Printer):
    def to_string(self):
        vector = self.value["bytes_"]["_M_impl"]
        begin = vector["_M_start"] + self.value["begin_"]
        return begin.string("latin-1", length=int(vector["_M_finish"] - begin))

    def display_hint(self):
        return "string"


class IntrusiveList(Printer):
    """Its elements, as pointers."""

    def __init__(self, value):
        super().__init__(value)
        self.element = value.type.strip_typedefs().template_argument(0).pointer()
        self.tag = value.type.strip_typedefs().template_argument(1).pointer()

    def nodes(self):
        head = self.value["head_"].address
        node = self.value["head_"]["next_"]
        while node != head:
            yield node.cast(self.tag).cast(self.element)
            node = node["next_"]

    def to_string(self):
        return f"list of {sum(1 for _ in self.nodes())}"

    def children(self):
        return ((f"[{i}]", node) for i, node in enumerate(self.nodes()))


class At(gdb.Function):
    """$at(LIST, N): a pointer to the element N of an IntrusiveList, of its own type."""

    def __init__(self):
        super().__init__("at")

    def invoke(self, intrusive_list, index):
        node = list(IntrusiveList(intrusive_list).nodes())[int(index)]
        return node.cast(node.dynamic_type)


At()
printers = gdb.printing.RegexpCollectionPrettyPrinter("weir")
for name, pattern, printer in (
        ("Duration", r"^std::chrono::duration<(long|int64_t), std::ratio<1[lL]?, 1000000000[lL]?> ?>$", Duration),
        ("TimePoint", r"^std::chrono::time_point<std::chrono::_V2::steady_clock, .*>$", TimePoint),
        ("UniqueFd", r"^weir::UniqueFd$", UniqueFd),
        ("TextBuffer", r"^weir::TextBuffer$", TextBuffer),
        ("IntrusiveList", r"^weir::IntrusiveList<.*>$", IntrusiveList)):
    printers.add_printer(name, pattern, printer)
gdb.printing.register_pretty_printer(None, printers, replace=True)
end
