"""The traps of each key for a table: what it reads, and what is wrong with it or with the file.

A case is a file, the keys, and either the inputs of its rows before they are standardized, or a part of the
error. A list of pairs of inputs and classes tells the classes, too.
"""

from typing import Any

Case = tuple[bytes, list[str], Any]

_AK = b"a,k\n1,x\n2,y\n"
_TWO = [[1.0], [2.0]]

SEPARATORS: list[Case] = [
    (b"a;b;k\n1;2,5;x\n2;3;y\n", ["separator=semicolon"], "has a decimal comma: data.decimal=comma"),
    (b"a|k\n1|x\n2|y\n", ["separator=pipe"], _TWO),
    (b"a\tk\n1\tx\n2\ty\n", ["separator=tab"], _TWO),
    (b"  a  b k\n 1  2 x\n3 4   y \n", ["separator=blank"], [[1.0, 2.0], [3.0, 4.0]]),
    (b'a b k\n1 2 "x y"\n3 4 z\n', ["separator=blank"], [([1.0, 2.0], "x y"), ([3.0, 4.0], "z")]),
    (b"a:k\n1:x\n2:y\n", ['separator=":"'], _TWO),
    (_AK, ["separator=semicolon"], "line 1: one column; its cells seem to be separated by a comma"),
    (b'a;k\n1;"x;x"\n2;y\n', ["separator=semicolon"], [([1.0], "x;x"), ([2.0], "y")]),
    (b"a;k\n1;x;\n2;y\n", ["separator=semicolon"], "line 2: 3 cells, where the header has 2"),
    (_AK, ["separator=ab"], "data.separator: "),
    (_AK, ['separator=""'], "data.separator: "),
    (_AK, ['separator="\\""'], "data.separator: "),
    (_AK, ['separator="\\n"'], "data.separator: "),
]

NUMBERS: list[Case] = [
    (b"a;k\n1,5;x\n-2;y\n", ["separator=semicolon", "decimal=comma"], [[1.5], [-2.0]]),
    (b'a,k\n"1,5",x\n",5",y\n', ["decimal=comma"], [[1.5], [0.5]]),
    (b"a;k\n1,5e3;x\n2;y\n", ["separator=semicolon", "decimal=comma"], [[1500.0], [2.0]]),
    (b"a,k\n1.5,x\n2,y\n", ["decimal=comma"], "line 2, column a: '1.5' has a decimal point, not a ,"),
    (_AK, ["decimal=semicolon"], "data.decimal: "),
    (_AK, ["decimal=comma", "thousands=comma"], "data.thousands"),
    (_AK, ["thousands=point"], "data.thousands"),
    (b'a,k\n"1,000",x\n"-12,345.5",y\n', ["thousands=comma"], [[1000.0], [-12345.5]]),
    (b'a,k\n"12,34",x\n2,y\n', ["thousands=comma"], "'12,34' has a decimal comma"),
    (b'a,k\n"1,00,000",x\n2,y\n', ["thousands=comma"], "'1,00,000' (line 2) is not a number"),
    (b'a,k\n",100",x\n2,y\n', ["thousands=comma"], "',100' has a decimal comma"),
    (b"a,k\n1 000,x\n2\xc2\xa0000,y\n", ["thousands=blank"], [[1000.0], [2000.0]]),
    (b"a,k\n1'000,x\n2,y\n", ["thousands=apostrophe"], [[1000.0], [2.0]]),
    (b'a,k\n"1.000,5",x\n2,y\n', ["decimal=comma", "thousands=point"], [[1000.5], [2.0]]),
    (b"a,k\n10 %,x\n-5%,y\n", ['units=["%"]'], [[10.0], [-5.0]]),
    (b"a,k\n-$5,x\n$ 6,y\n", ['units=["$"]'], [[-5.0], [6.0]]),
    (b"a,k\n5 kg,x\n6kg,y\n", ["units=[kg]"], [[5.0], [6.0]]),
    (b"a,k\n$5,x\n6 %,y\n", ['units=["$"]'], "line 3, column a: '6 %' is a percentage"),
    (b"a,k\n$,x\n6,y\n", ['units=["$"]'], "a: '$' (line 2) is not a number"),
    (b"a,k\n15,x\n6,y\n", ['units=["1"]'], "data.units: "),
    (b"a,k\n-15,x\n6,y\n", ['units=["-"]'], "data.units: "),
    (b"a,k\n1e5,x\n6,y\n", ['units=["e5"]'], "data.units: "),
    (_AK, ['units=[""]'], "data.units: "),
    (b"a,k\n1D+00,x\n1d-1,y\n2E0,x\n3,y\n", ["exponent=D"], [[1.0], [0.1], [2.0], [3.0]]),
    (b"a,k\nD,x\n1D,y\n", ["exponent=D"], "a: words, such as 'D' (line 2)"),
    (_AK, ["exponent=Q"], "data.exponent: "),
]  # fmt: skip

FILES: list[Case] = [
    (b"a,k\n1,\xe9\n2,y\n", ["encoding=latin-1"], [([1.0], "é"), ([2.0], "y")]),
    (b"a,k\n1,\x80\n2,y\n", ["encoding=cp1252"], [([1.0], "€"), ([2.0], "y")]),
    ("a,k\n1,é\n2,y\n".encode("utf-16"), ["encoding=utf-16"], [([1.0], "é"), ([2.0], "y")]),
    ("a,k\n1,é\n2,y\n".encode(), ["encoding=ascii"], "not ascii text"),
    (b"\xef\xbb\xbfa,k\n1,x\n2,y\n", ["encoding=utf-8", "features=[a]"], _TWO),
    (_AK, ["encoding=utf-16"], "not utf-16 text"),
    (_AK, ["encoding=latin-99"], "data.encoding: "),
    (_AK, ["encoding=base64"], "data.encoding: "),
    (_AK, ["encoding=rot13"], "data.encoding: "),
    (_AK, ["encoding=idna"], "not idna text"),
    ("\ufeffa,k\n1,x\n2,y\n".encode("utf-16-le"), ["encoding=utf-16-le"], _TWO),
    (b"# c\na,k\n1,x\n#2,y\n2,y\n", ["comment=hash"], _TWO),
    (b"a,k\n1,x\n2,y#1\n", ["comment=hash"], [([1.0], "x"), ([2.0], "y#1")]),
    (b'a,k\n1,"x\n#x"\n2,y\n', ["comment=hash"], [([1.0], "x\n#x"), ([2.0], "y")]),
    (b"a,k\n1,x\n ;2,y\n", ['comment=";"'], "is not a number"),
    (b"# c\na,k\n1,x\n2\n", ["comment=hash"], "line 4: 1 cells, where the header has 2"),
    (_AK, ['comment="##"'], "data.comment: "),
    (b"# c\na,k\n1,x\n2,y\n", ["comment=#"], _TWO),
    (b"a title\na,k\n1,x\n2,y\n", ["skip_rows=1"], _TWO),
    (b"a title\na,k\n1,x\n2\n", ["skip_rows=1"], "line 4: 1 cells, where the header has 2"),
    (_AK, ["skip_rows=9"], "empty; a table has a header and rows"),
    (_AK, ["skip_rows=-1"], "data.skip_rows: "),
    (b"1,x\n2,y\n", ["header=none", 'target="1"'], _TWO),
    (b"1,x\n2,y\n", ["header=[a, k]"], _TWO),
    (b"1,x\n2,y\n", ["header=[a, b, k]"], "line 1: 2 cells, where data.header has 3 names"),
    (b"1,1,x\n2,3,y\n", ["header=[a, a, k]"], "data.header has two columns called a"),
    (b"1,x\n2,y\n", ["header=[]"], "data.header"),
    (_AK, ["header=[a, k]"], "a: 'a' (line 1) is not a number; 1 of 3 cells are words"),
    (b"h,h\n1,x\n2,y\n", ["skip_rows=1", "header=[a, k]"], _TWO),
]

_HOLES = b"a,b,k\n1,5,x\n,6,y\n3,,x\n5,8,y\n"
_WORDS = b"a,k\nred,x\n,y\nblue,x\nred,y\n"

COLUMNS: list[Case] = [
    (_HOLES, [], "a: 1 of 4 cells is missing (line 3)"),
    (_HOLES, ["missing=drop"], [[1.0, 5.0], [5.0, 8.0]]),
    # 1, 3, 5 have the mean and the median 3; 5, 6, 8 have the mean 19/3 and the median 6.
    (_HOLES, ["missing=mean"], [[1.0, 5.0], [3.0, 6.0], [3.0, 19 / 3], [5.0, 8.0]]),
    (_HOLES, ["missing=median"], [[1.0, 5.0], [3.0, 6.0], [3.0, 6.0], [5.0, 8.0]]),
    (_HOLES, ["missing=most_frequent"], [[1.0, 5.0], [1.0, 6.0], [3.0, 5.0], [5.0, 8.0]]),
    (b"a,b,k\n1,,x\n,2,y\n", ["missing=drop"], "every row has a missing cell"),
    (b"a,k\n1,x\n2,\n3,y\n", ["missing=mean"], "line 3, column k: empty; a class is needed"),
    (b"a,k\n1,x\n2,\n3,y\n", ["missing=drop"], [[1.0], [3.0]]),
    (_AK, ["missing=fill"], "data.missing: "),
    (b"a,k\n1,x\n-999,y\n3,y\n", ["missing_values=[-999]", "missing=drop"], [[1.0], [3.0]]),
    (b"a,k\n1,x\n-999.0,y\n", ["missing_values=[-999]", "missing=drop"], [[1.0], [-999.0]]),
    (b"a,k\n1,x\nNA,y\n", ["missing_values=[-999]"], "a: 'NA' (line 3) is not a number"),
    (b"a,k\n1,x\n2,NA\n3,x\n", ["missing=drop"], [([1.0], "x"), ([2.0], "NA"), ([3.0], "x")]),
    (b"a,k\n1,x\n2,NA\n3,y\n", ["missing_values=[NA]", "missing=drop"], [([1.0], "x"), ([3.0], "y")]),
    (b"a,k\nred,x\nblue,y\n", ["categorical=[a]"], [[0.0, 1.0], [1.0, 0.0]]),
    (b"a,k\n1,x\n01,y\n1,y\n", ["categorical=[a]"], [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]),
    (_WORDS, ["categorical=[a]"], "a: 1 of 4 cells is missing (line 3)"),
    (_WORDS, ["categorical=[a]", "missing=drop"], [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]),
    (_WORDS, ["categorical=[a]", "missing=mean"], [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]),
    (b"a,k\nTrue,x\nFALSE,y\n", ["categorical=[a]"], [[0.0, 1.0], [1.0, 0.0]]),
    (_AK, ["categorical=[b]"], "no column b; there are a, k"),
    (_AK, ["categorical=[k]"], "k cannot be both the target and a feature"),
    (b"a,b,k\n1,q,x\n2,r,y\n", ["exclude=[b]"], _TWO),
    (_AK, ["exclude=[b]"], "no column b; there are a, k"),
    (_AK, ["exclude=[k]"], "k cannot be both the target and a feature"),
    (_AK, ["exclude=[a]"], "no column of numbers beside k"),
    (_AK, ["exclude=[a]", "features=[a]"], "data.features and data.exclude both name a"),
    (_AK, ["unknown=ignore"], "data.unknown: "),
]

CASES = SEPARATORS + NUMBERS + FILES + COLUMNS

# What class_weight says of the file with the classes x and y, or the weights of x and y.
WEIGHTS: list[tuple[str, Any]] = [
    ("balanced", (1.0, 1.0)),
    ("none", None),
    ("{x: 2}", (2.0, 1.0)),
    ("{x: 1e-3, y: 5}", (0.001, 5.0)),
    ("{z: 2}", "class_weight: z is not a class"),
    ("{x: 0}", "class_weight"),
    ("{x: -1}", "class_weight"),
    ("{x: .inf}", "class_weight"),
    ("{x: 1e400}", "class_weight"),
    ("{x: two}", "class_weight"),
    ("[1, 2]", "class_weight"),
    ("balancd", "class_weight"),
]
