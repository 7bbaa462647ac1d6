"""Tables of LaTeX: marks, text from anywhere, and a document that compiles."""

import shutil
import subprocess

import pytest

from helpers.records import make_record, quick_records
from srbench.report.leaderboard.latex import latex, render_latex
from srbench.report.leaderboard.sections import make_sections

DOCUMENT = (
    r"\documentclass{article}\usepackage{booktabs}\usepackage{graphicx}"
    r"\begin{document}\input{leaderboard}\end{document}"
)
ODD = "100% & $x_1$ #{~^\\} A²N ≥ é 网 <b>"


def test_the_best_is_bold_the_second_underlined_and_teachers_are_in_italics():
    text = render_latex(make_sections(quick_records()))
    assert r"\textbf{33.98}" in text
    assert r"\underline{33.61}" in text
    assert r"\textit{EDSR (wide)}" in text
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 6
    labels = [line for line in text.splitlines() if line.startswith(r"\label")]
    assert len(labels) == len(set(labels)) == 6


def test_text_is_shown_as_it_is():
    assert latex(ODD) == (
        r"100\% \& \$x\_1\$ \#\{\textasciitilde{}\textasciicircum{}\textbackslash{}\} A\textsuperscript{2}N $\ge$ é "
        r"\texttt{U+7F51} \textless{}b\textgreater{}"
    )


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_minimal_document_with_the_tables_compiles(tmp_path):
    odd = make_record("espcn", dataset="odd")
    odd = odd.model_copy(update={"dataset_label": ODD, "model": odd.model.model_copy(update={"label": ODD})})
    (tmp_path / "leaderboard.tex").write_text(render_latex(make_sections([*quick_records(), odd])), encoding="utf-8")
    (tmp_path / "document.tex").write_text(DOCUMENT)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "multiply defined" not in done.stdout
