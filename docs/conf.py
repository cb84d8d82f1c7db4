"""Sphinx settings. `make docs` builds docs/_build/html; a warning is an error there.

Nothing is fetched from a network, by the build or by the pages: formulas are MathML, and no
inventory of another project is read.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The docs of this clone describe this clone, also where another analogsim is installed; the
# notebooks' kernels and the examples inherit it.
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])
)
# One thread: the examples are small, and a build may share its machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from analogsim._version import __version__  # noqa: E402 - the path is set above

project = "analogsim"
author = "the analogsim authors"
copyright = author
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "api_pages",
    "generated",
    "mathml",
    "runs",
]
exclude_patterns = ["_build", "_ext", "README.md"]

html_theme = "furo"
html_title = f"analogsim {__version__}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["analogsim.css"]
html_copy_source = False
# What a command printed is not to be typed.
copybutton_selector = ":not(.output) > div.highlight > pre"
html_show_sphinx = False
# "--json" must not become a dash.
smartquotes = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Notebooks run at every build: no kept output can go stale.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_execution_in_temp = True
nb_merge_streams = True
# Without this, myst-nb adds scripts from the network to pages that show a widget.
nb_ipywidgets_js = {}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "literal"
# Names such as `Device` are documented once, but several classes have a field `device`.
suppress_warnings = ["ref.python"]
