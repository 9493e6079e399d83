"""Tables as pages."""

from mdc.scores.html import write_html_table


def test_html_table_shows_three_digits_and_empty_cells(tmp_path):
    (tmp_path / "t.csv").write_text("setting,crf,miou\nweak-d1,false,0.56789\nweak-d3,true,\n")
    write_html_table(table_csv=tmp_path / "t.csv", table_html=tmp_path / "t.html", title="scores")
    text = (tmp_path / "t.html").read_text()
    assert "<td>0.568</td>" in text and "<td></td>" in text and "<td>false</td>" in text
    assert "<title>scores</title>" in text
