"""Papers of real runs, as they are printed: PDF and HTML beside the text, recapitulation, schedule, situation; the catalogues of words."""
import html.parser
import os
import re
import subprocess

import pytest

from conftest import needs_root
from pulih import TOP
from test_run import Job


@pytest.fixture
def job(pulih, work, small):
    job = Job(pulih, work, f"files: {{paths: [{small}]}}")
    text = job.config.read_text()
    text = text.replace("role: reviewer}\n", "role: reviewer}\n  - {id: ketua, name: Contoh Ketua, position: Ketua, role: head}\n")
    text = text.replace("    reviewer: kasubbag\n", "    reviewer: kasubbag\n    acknowledger: ketua\n")
    text = text.replace("elektronik}", 'elektronik, requirements: Akses server, time: 1 Hari, title: "SOP Pemeliharaan Website"}')
    job.config.write_text(text)
    return job


def export(job, path, run="latest", **options):
    form = path.suffix[1:].replace("txt", "text")
    job.p("report", "export", run, "--format", form, "-o", path, **options)
    return path


def pdf_pages(path):
    pages = subprocess.check_output(["pdftotext", "-layout", path, "-"]).decode().split("\f")
    return pages[:-1]


def scan(image):
    return subprocess.check_output(["zbarimg", "-q", "--raw", image], stderr=subprocess.DEVNULL).decode().strip()


class Page(html.parser.HTMLParser):
    """Text of a page; what would load or run something; the path of its QR code."""

    def __init__(self, text):
        super().__init__()
        self.words, self.bad, self.path, self.inside, self.stack = [], [], "", "", []
        self.feed(text)
        self.close()
        assert not self.stack, f"not closed: {self.stack}"

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.inside = tag
        if tag not in ("meta", "col", "path"):
            self.stack.append(tag)
        if tag in ("script", "img", "iframe", "object", "embed", "link", "form", "base") or any(
                name.startswith("on") or name in ("src", "href", "action") for name in given):
            self.bad.append((tag, attributes))
        if tag == "path":
            self.path = given["d"]

    def handle_startendtag(self, tag, attributes):
        if tag == "path":
            self.path = dict(attributes)["d"]

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.inside != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def test_pdf_says_what_the_text_says(job, work):
    job.run()
    run_id = job.reports()[0]["id"]
    pages = pdf_pages(export(job, work / "a.pdf"))
    text = "\n".join(pages)
    for words in ("LAPORAN PELAKSANAAN BACKUP", "Nomor: ....", "IDENTITAS SOP", "AS/28", "SOP Pemeliharaan Website", "Mutu Baku", "Persyaratan", "Akses server", "1 Hari",
                  "Keterangan", run_id, "Berhasil", "Sesuai", "Ternate, ....", "Mengetahui", "Diperiksa oleh", "Dibuat oleh", "Contoh Admin", "Contoh Pemeriksa",
                  "Contoh Ketua", "NIP 1", "NIP -", "pulih ledger verify"):
        assert words in text, words
    for number, page in enumerate(pages, 1):
        assert f"Halaman {number} dari {len(pages)}" in page
    info = subprocess.check_output(["pdfinfo", work / "a.pdf"], env={**os.environ, "TZ": "UTC"}).decode()
    assert re.search(r"^Title: +LAPORAN PELAKSANAAN BACKUP$", info, re.M) and re.search(r"^Page size: .*A4", info, re.M)
    started = job.original(run_id)["record"]["started"]["utc"]
    assert re.search(rf"^CreationDate: .*{started[11:19]}", info, re.M)
    fonts = subprocess.check_output(["pdffonts", work / "a.pdf"]).decode()
    assert "LiberationSans" in fonts and not re.search(r"\bno +\w+ +\w+ +\d+ +\d+$", fonts, re.M), "every font is embedded"


def test_the_same_record_is_the_same_file(job, work):
    job.run()
    for form in ("txt", "html", "pdf", "json"):
        one, other = export(job, work / f"a.{form}"), export(job, work / f"b.{form}", env={"LANG": "C", "LANGUAGE": "de", "TZ": "Europe/Berlin"})
        assert one.read_bytes() == other.read_bytes(), form


def test_qr_code_holds_the_hash(job, work):
    job.run()
    (report,) = job.reports()
    wanted = f"PULIH-RECORD:1:{report['id']}:{report['hash']} pulih ledger verify"
    pages = pdf_pages(export(job, work / "a.pdf"))
    at = next(number for number, page in enumerate(pages, 1) if "KEASLIAN" in page)
    subprocess.run(["pdftoppm", "-r", "110", "-f", str(at), "-l", str(at), "-png", "-singlefile", work / "a.pdf", work / "a"], check=True)
    assert scan(work / "a.png") == wanted
    page = Page(export(job, work / "a.html").read_text())
    cells = [tuple(map(int, m)) for m in re.findall(r"M(\d+) (\d+)h1v1h-1z", page.path)]
    assert len(cells) > 400 and "".join(f"M{x} {y}h1v1h-1z" for x, y in cells) == page.path
    side = max(max(cell) for cell in cells) + 5
    dark = set(cells)
    rows = [[int((x // 4, y // 4) in dark) for x in range(4 * side)] for y in range(4 * side)]
    (work / "qr.pbm").write_text(f"P1\n{4 * side} {4 * side}\n" + "\n".join(" ".join(map(str, row)) for row in rows) + "\n")
    assert scan(work / "qr.pbm") == wanted


def test_html_stands_alone(job, work):
    job.run()
    text = export(job, work / "a.html").read_text()
    page = Page(text)
    assert not page.bad
    assert "@page{size:A4" in text and "counter(page)" in text and "http:" not in text and "https:" not in text
    for words in ("LAPORAN PELAKSANAAN BACKUP", "Persyaratan / Perlengkapan", "Contoh Ketua", job.reports()[0]["hash"]):
        assert words in page.text


def test_nothing_is_overwritten(job, work):
    job.run()
    for form in ("html", "pdf"):
        (work / f"a.{form}").write_text("mine")
        assert "PL-1814" in job.p("report", "export", "latest", "--format", form, "-o", work / f"a.{form}", code=1).everything
        assert (work / f"a.{form}").read_text() == "mine"
    assert "PL-1803" in job.p("report", "export", "latest", "--format", "docx", "-o", work / "b", code=2).everything
    assert "PL-1806" in job.p("report", "recap", "--format", "pdf", code=2).everything, "without -o"
    assert not (work / "b").exists()


@needs_root
def test_ten_thousand_unreadable_files(job, work, small):
    folder = small / "rahasia"
    folder.mkdir()
    for number in range(10000):
        (folder / f"putusan-{number:05}.pdf").write_bytes(b"")
    for path in (job.p.folder, *job.p.folder.rglob("*"), job.config, *small.rglob("*"), small):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    for path in folder.iterdir():
        path.chmod(0)
    (folder / "<b>&\xe9\u202e\n.pdf").write_text("x")
    (folder / "<b>&\xe9\u202e\n.pdf").chmod(0)
    os.chown(folder / "<b>&\xe9\u202e\n.pdf", 65534, 65534)
    job.run(code=3, user=65534)
    job.p.environment["HOME"] = str(job.p.folder)
    pages = pdf_pages(export(job, work / "a.pdf"))
    text = "\n".join(pages)
    assert len(set(re.findall(r"putusan-\d{5}\.pdf", text))) == 10000
    assert "LAMPIRAN 1: BERKAS YANG PERLU DIPERHATIKAN" in text and f"Halaman {len(pages)} dari {len(pages)}" in pages[-1]
    assert all("Nama berkas" in page for page in pages if "putusan-" in page)
    signed = [page for page in pages if "Mengetahui" in page]
    assert len(signed) == 1 and "Dibuat oleh" in signed[0] and "Contoh Ketua" in signed[0]
    page = Page(export(job, work / "a.html").read_text())
    assert not page.bad and "/<b>&é\\u{202e}\\x0a.pdf" in page.text
    assert len(set(re.findall(r"putusan-\d{5}\.pdf", page.text))) == 10000
    situation = job.p("report", "situation", "latest").text
    assert "Pelaksanaan backup website berhasil dengan catatan" in situation and "10.001 berkas" in situation


def test_failed_run_and_its_situation(job, work, small):
    job.run()
    good = job.reports()[0]["id"]
    job.p("report", "situation", "latest", code=2)
    job.p.password_file.write_text("wrong\n")
    job.run(code=12)
    failed = job.reports()[1]["id"]
    job.p.password_file.write_text("rahasia untuk uji\n")
    job.run()
    text = job.p("report", "situation", failed).text
    for words in ("LAPORAN SITUASI DAN KONDISI", "Kepada Yth.              : Contoh Pemeriksa", "Pelaksanaan backup website gagal", "Kata sandi atau kunci cadangan tidak",
                  "PL-1110", good, "Pekerjaan dijalankan lagi", "Berhasil", "lembar", "dalam 2 jam"):
        assert words in text, words
    assert max(map(len, text.splitlines())) <= 78
    job.p("report", "situation", failed, "--format", "pdf", "-o", work / "s.pdf")
    job.p("report", "situation", failed, "--format", "html", "-o", work / "s.html")
    assert "Mohon arahan" in "\n".join(pdf_pages(work / "s.pdf")) and "Mohon arahan" in Page((work / "s.html").read_text()).text
    export(job, work / "f.pdf", failed)
    assert "Gagal" in "\n".join(pdf_pages(work / "f.pdf"))


def papers_of(job, work, name):
    """All that the papers say of the last run: its report, the recapitulation, the draft."""
    texts = []
    for paper in (("export", "latest"), ("recap",), ("situation", "latest")):
        path = work / f"{name}-{paper[0]}.html"
        job.p("report", *paper, "--format", "html", "-o", path)
        texts.append(Page(path.read_text()).text)
    return texts


def test_commands_that_fail_are_no_files(job, work):
    config = job.config.read_text()
    job.config.write_text(config + '    after: [sh, -c, "echo masih mati; echo sekali; exit 1"]\n')
    job.run(code=3)
    report, recap, situation = papers_of(job, work, "after")
    for text in (report, situation):
        assert "Cadangan sudah dibuat, tetapi perintah sesudahnya gagal" in text and "2 baris terakhir: lihat lampiran 1" in text
        assert "KELUARAN PERINTAH" in text and "masih mati" in text
    assert "Cadangan ada, dan tidak ada berkas" in situation and "memastikan yang dihentikan" in situation
    assert "perintah sesudahnya gagal" in recap
    for text in (report, recap, situation):
        assert "ada berkas yang tidak terbaca" not in text and not re.search(r"\d berkas", text) and "Berkas tidak terbaca" not in text
    job.config.write_text(config + '    before: [sh, -c, "echo rusak; exit 1"]\n')
    job.run(code=1)
    report, recap, situation = papers_of(job, work, "before")
    for text in (report, recap, situation):
        assert "Perintah sebelum backup gagal, sehingga tidak ada yang dicadangkan." in text and not re.search(r"\d berkas", text)
    assert "Pelaksanaan ini tidak menghasilkan cadangan." in situation


def test_target_that_lost_a_backup_is_no_damaged_data(job, work):
    job.run()
    (snapshot,) = job.p.objects("snapshots")
    snapshot.unlink()
    job.run(code=4)
    report, _, situation = papers_of(job, work, "lost")
    assert "media tidak lagi memuat semua cadangan" in report and "Ditemukan data rusak" not in report + situation
    assert "Cadangan ada, dan tidak ada berkas" in situation and "pulih ledger verify" in situation


def test_recap_counts_from_the_first_record_and_from_the_last_schedule(job):
    """A job that is new misses nothing before; a schedule that was changed was not missed before either."""
    config = job.config.read_text()
    job.config.write_text(config + "    schedule: {every: hour, minute: 0}\n")
    (recap,) = job.p("report", "recap", "--json").of_type("recap")
    assert recap["jobs"][0]["planned_since"] is None and recap["jobs"][0]["planned"] == recap["jobs"][0]["missed"] > 0
    job.run()
    (recap,) = job.p("report", "recap", "--json").of_type("recap")
    (report,) = job.reports()
    assert recap["jobs"][0]["planned_since"][:19] == report["time"][:19] and recap["jobs"][0]["missed"] <= 1
    assert "website: rencana dihitung sejak" in " ".join(job.p("report", "recap").text.split())
    job.config.write_text(config + "    schedule: {every: hour, minute: 1}\n")
    (recap,) = job.p("report", "recap", "--json").of_type("recap")
    assert recap["jobs"][0]["planned_since"][:19] == report["time"][:19] and recap["jobs"][0]["missed"] <= 1


def test_recap_and_schedule(job, work):
    job.config.write_text(job.config.read_text() + "    schedule: {every: day, at: \"01:00\"}\n    drill: {every: month, day: 30, at: \"03:00\"}\n")
    job.run()
    job.run()
    (first, _) = job.reports()
    month = first["time"][:7]
    (recap,) = job.p("report", "recap", "--json").of_type("recap")
    assert recap["month"] == month and recap["total"]["done"] == 2 and recap["total"]["failed"] == 0 and recap["jobs"][0]["job"] == "website"
    assert recap["jobs"][0]["planned"] == recap["jobs"][0]["missed"], "runs by hand are for no planned time"
    assert recap["total"]["stored_bytes"] > 0 and recap["total"]["reviewed"] == 0
    text = job.p("report", "recap").text
    assert "REKAPITULASI PELAKSANAAN BACKUP" in text and first["hash"][:12] in text and "0 dari 2 laporan sudah diperiksa." in text
    assert job.p("report", "recap", "--format", "json").text.startswith('{"as_of"')
    job.p("report", "recap", "--month", month, "--format", "pdf", "-o", work / "r.pdf")
    assert "Contoh Ketua" in "\n".join(pdf_pages(work / "r.pdf"))
    assert "Tidak ada catatan pelaksanaan" in job.p("report", "recap", "--month", "2001-01").text

    text = job.p("report", "schedule", "--month", "2027-02").text
    assert "JADWAL BACKUP DAN UJI PEMULIHAN" in text and "Februari 2027" in text
    job.p("report", "schedule", "--month", "2027-02", "--format", "html", "-o", work / "j.html")
    rows = Page((work / "j.html").read_text()).text
    assert rows.count("Backup: website") == 28 and rows.count("Uji pemulihan: website") == 1
    assert re.search(r"Minggu, 28 Februari 2027 01\.00 Backup: website", rows) and "Minggu, 28 Februari 2027 03.00 Uji pemulihan: website" in rows
    for wrong in ("2027-13", "2027", "x"):
        assert "PL-1803" in job.p("report", "schedule", "--month", wrong, code=2).everything


def test_english_office(job, work):
    job.config.write_text(job.config.read_text().replace("  timezone: Asia/Jayapura\n", "  timezone: Asia/Jayapura\n  language: en\n"))
    job.run()
    pages = "\n".join(pdf_pages(export(job, work / "a.pdf", env={"LANG": "id_ID.UTF-8", "LANGUAGE": "id"})))
    for words in ("BACKUP REPORT", "Page 1 of", "Quality standard", "Checked by", "Successful"):
        assert words in pages
    assert 'lang="en"' in export(job, work / "a.html").read_text()
    assert "MONTHLY RECAPITULATION" in job.p("report", "recap").text and "SCHEDULE OF BACKUPS" in job.p("report", "schedule").text


def test_address_of_several_lines(job, work):
    text = job.config.read_text()
    job.config.write_text(text.replace("  city: Ternate\n", "  city: Ternate\n  address: |\n    Jln. Satu <Dua>\n    Tlp. 123\n"))
    job.run()
    shown = job.p("report", "show", "latest").text.splitlines()
    assert [line.strip() for line in shown[:3]] == ["Pengadilan Agama Ternate", "Jln. Satu <Dua>", "Tlp. 123"]
    assert "<span>Jln. Satu &lt;Dua&gt;\nTlp. 123</span>" in export(job, work / "a.html").read_text()
    assert re.search(r"^ +Jln. Satu <Dua>\n +Tlp. 123$", pdf_pages(export(job, work / "a.pdf"))[0], re.M)
    job.config.write_text(text.replace("  city: Ternate\n", "  city: |\n    Ternate\n    Dua\n"))
    assert "control character" in job.p("config", "check", code=2).everything


def test_acknowledger_is_checked(job):
    text = job.config.read_text()
    for wrong, said in (("acknowledger: nobody", "no person"), ("acknowledger: admin", "role head")):
        job.config.write_text(text.replace("acknowledger: ketua", wrong))
        assert re.search(rf"pulih\.yaml:\d+:\d+: jobs\[0\]\.acknowledger: .*{said}", job.p("config", "check", code=2).everything)


# ---- the catalogues ----

def catalogue(language):
    text = (TOP / "po" / f"{language}.po").read_text()
    rows = re.findall(r'^msgid "([A-Z][A-Z0-9_]*)"\nmsgstr "((?:[^"\\]|\\.)*)"$', text, re.M)
    assert len(rows) == text.count("\nmsgid ") - 1, "every text stands on one line"
    return dict(rows)


def test_catalogues_are_twins():
    indonesian, english = catalogue("id"), catalogue("en")
    assert list(indonesian) == list(english), "the same keys in the same order"
    for key in indonesian:
        assert indonesian[key] and english[key], key
        assert sorted(re.findall(r"\{\d+\}", indonesian[key])) == sorted(re.findall(r"\{\d+\}", english[key])), key


def test_every_word_is_used():
    text = "\n".join(path.read_text() for folder in ("core", "cli", "scheduler", "restore") for path in (TOP / folder).rglob("*.c"))
    unused = [key for key in catalogue("id") if not re.search(rf"\bWORD_{key}\b", text)]
    assert not unused


@pytest.mark.parametrize("entry", ['msgid "A"\nmsgstr ""', '#, fuzzy\nmsgid "A"\nmsgstr "a"', 'msgid "A"\nmsgstr "a\\n"\n"b"', 'msgid "lower"\nmsgstr "a"'],
                         ids=["untranslated", "fuzzy", "lines", "key"])
def test_a_catalogue_with_a_hole_ends_the_build(work, entry):
    (work / "x.po").write_text('msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n' + entry + "\n")
    plain = subprocess.run(["msgcat", "--no-wrap", work / "x.po"], stdout=subprocess.PIPE, check=True).stdout
    made = subprocess.run(["awk", "-f", TOP / "po" / "words.awk"], input=plain, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert made.returncode == 1 and b"po: " in made.stderr
