"""Files become lines, whatever they are called; bad files have a name."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest
from docx.enum.text import WD_COLOR_INDEX
from docx.shared import Pt, RGBColor
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from ai_engine.resumes import Unreadable, read
from ai_engine.resumes.normal import normal


def pdf(draw, **options) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, **options)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def saved(document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def plain_page(canvas) -> None:
    canvas.drawString(72, 700, "Ada Moss, risk analyst, ada@example.com")


def code_of(data: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read(data)
    return caught.value.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_text_in_every_usual_encoding(encoding):
    assert read("林悦\n风控分析师".encode(encoding)).lines == ("林悦", "风控分析师")


def test_look_alike_characters_become_ordinary_ones():
    assert normal("⼯作经历　⻓沙⻛控　ＳＱＬ：１２３\u200b") == "工作经历 长沙风控 SQL:123"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \n \t ", "empty"),
        (b"%PDF-1.4\nrubbish\n%%EOF", "damaged"),
        (b"PK\x03\x04 not a package", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "not_a_document"),
        (bytes(range(256)) * 20, "not_a_document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "not_a_document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"x" * (20 * 1024 * 1024 + 1), "too_large"),
        (b"word " * 120_000, "too_large"),
    ],
)
def test_bad_files_have_a_name(data, code):
    assert code_of(data) == code


def test_a_pdf_that_is_cut_off():
    whole = pdf(plain_page)
    assert read(whole).media == "pdf"
    assert code_of(whole[: len(whole) // 2]) == "damaged"


def test_an_encrypted_pdf():
    assert code_of(pdf(plain_page, encrypt=StandardEncryption("secret"))) == "encrypted"


def test_too_many_pages():
    def draw(canvas):
        for _ in range(51):
            plain_page(canvas)
            canvas.showPage()

    assert code_of(pdf(draw)) == "too_large"


def test_a_scan_asks_for_ocr():
    from reportlab.lib.utils import ImageReader

    pixel = io.BytesIO(
        bytes.fromhex(
            "424d3a0000000000000036000000280000000100000001000000010018000000000004000000130b0000130b00000000000000000000ff000000"
        )
    )
    with pytest.raises(Unreadable) as caught:
        read(pdf(lambda canvas: canvas.drawImage(ImageReader(pixel), 0, 0, 500, 700)))
    assert (caught.value.code, caught.value.at) == ("needs_ocr", "page 1")


def test_content_decides_and_not_the_name(tmp_path):
    path = tmp_path / "resume.docx"
    path.write_bytes(pdf(plain_page))
    assert read(path.read_bytes()).media == "pdf"


def test_a_zip_bomb_is_not_unpacked():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("word/document.xml", b" " * 3_000_000)
    assert len(out.getvalue()) < 10_000
    assert code_of(out.getvalue()) == "too_large"


def test_another_package_is_no_resume():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("xl/workbook.xml", "<workbook/>")
    assert code_of(out.getvalue()) == "not_a_document"


def test_docx_in_reading_order_with_merged_cells_and_header():
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Ada Moss"
    document.add_paragraph("Experience")
    table = document.add_table(rows=2, cols=3)
    for cell, text in zip(table.rows[0].cells, ("Acme Ltd", "Analyst", "2020 - 2022"), strict=True):
        cell.text = text
    table.rows[1].cells[0].merge(table.rows[1].cells[2]).text = "Built rules"
    document.add_paragraph("Education")
    assert read(saved(document)).lines == (
        "Ada Moss",
        "Experience",
        "Acme Ltd  |  Analyst  |  2020 - 2022",
        "Built rules",
        "Education",
    )


def test_docx_hidden_text_is_set_apart():
    document = docx.Document()
    paragraph = document.add_paragraph("Seen. ")
    white = paragraph.add_run("White on white.")
    white.font.color.rgb = RGBColor(255, 255, 255)
    tiny = paragraph.add_run("Tiny.")
    tiny.font.size = Pt(1)
    gone = paragraph.add_run("Gone.")
    gone.font.hidden = True
    lit = paragraph.add_run("White on blue.")
    lit.font.color.rgb = RGBColor(255, 255, 255)
    lit.font.highlight_color = WD_COLOR_INDEX.BLUE
    text = read(saved(document))
    assert text.lines == ("Seen. White on blue.",)
    assert text.hidden == ("White on white.", "Tiny.", "Gone.")


def test_pdf_hidden_text_is_set_apart_but_white_on_dark_stays():
    def draw(canvas):
        plain_page(canvas)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.drawString(72, 600, "You cannot see me")
        canvas.setFillColorRGB(0.1, 0.1, 0.4)
        canvas.rect(60, 480, 400, 40, fill=1)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.drawString(72, 495, "Skills: SQL on a dark bar")
        canvas.setFillColorRGB(0, 0, 0)
        canvas.setFont("Helvetica", 1)
        canvas.drawString(72, 400, "smaller than anyone reads")

    text = read(pdf(draw))
    assert "Skills: SQL on a dark bar" in text.lines
    assert text.hidden == ("You cannot see me", "smaller than anyone reads")
    assert not any("cannot see" in line or "smaller" in line for line in text.lines)


def outcome(data: bytes) -> str:
    """`read` or the code of the error; anything else that is raised fails the test."""
    try:
        return "read" if read(data).lines else "nothing"
    except Unreadable as error:
        return error.code


def test_no_cut_of_a_file_raises_anything_else(pile):
    for path in pile.resumes:
        whole = path.read_bytes()
        found = {outcome(whole[: len(whole) * share // 20]) for share in range(1, 20)}
        assert found <= ({"damaged"} if path.suffix != ".txt" else {"read", "not_a_document"})


def test_no_damage_inside_a_file_raises_anything_else(pile):
    for path in pile.resumes:
        whole = path.read_bytes()
        for start in range(0, len(whole) - 64, max(64, len(whole) // 25)):
            broken = whole[:start] + bytes(b ^ 0x5A for b in whole[start : start + 48]) + whole[start + 48 :]
            assert outcome(broken) in (
                "read",
                "damaged",
                "not_a_document",
                "encrypted",
                "too_large",
                "empty",
                "needs_ocr",
            )
