#!/bin/sh
# A real backup and restore from end to end, in one folder: `make demo`, or demo/demo.sh [FOLDER].
#
# A small web site (files of a Debian package, a content database in SQLite) is backed up twice by the job `website`, the second time after
# changes and while somebody writes to the database; then it is restored and compared. Nothing is left outside that folder.
set -eu

PULIH=${PULIH:-build/pulih}
PACKAGE=dokuwiki
FALLBACKS="/usr/share/doc/python3 /usr/share/doc/libc6 /usr/share/doc"
WRITES=2000 # rows that are added while the second run is at work

say() { printf '\n== %s\n' "$*"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }
show() { printf '$ pulih %s\n' "$*"; "$PULIH" "$@"; }

[ -x "$PULIH" ] || die "there is no program at $PULIH: run make first"
for tool in sqlite3 diff tar; do
	command -v "$tool" >/dev/null || die "$tool is not installed: run make deps"
done
PULIH=$(realpath "$PULIH")

TOP=${1:-${TMPDIR:-.}/demo-output}
[ ! -e "$TOP" ] || [ -e "$TOP/.pulih-demo" ] || die "$TOP is there and is none of this demo's folders: name another one"
rm -rf "$TOP"
mkdir -p "$TOP"
TOP=$(realpath "$TOP")
: > "$TOP/.pulih-demo"
SITE=$TOP/site
DATABASE=$TOP/database/content.sqlite
mkdir -p "$SITE" "$TOP/database" "$TOP/keys" "$TOP/tmp"

# Everything that the program remembers stays in the folder, whatever the environment says.
unset PULIH_REPOSITORY PULIH_PASSWORD_FILE PULIH_PASSWORD_COMMAND PULIH_KEY_FILE || true
export PULIH_CONFIG="$TOP/pulih.yaml" PULIH_STATE_DIR="$TOP/state" TMPDIR="$TOP/tmp"

writer=
cleanup() {
	[ -z "$writer" ] || kill "$writer" 2>/dev/null || true
	rm -rf "$TOP/tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say "1. The web site: files and a content database"
fetch_package() {
	(cd "$TOP/tmp" && timeout 40 apt-get download -q "$PACKAGE" >/dev/null 2>&1) || return 1
	dpkg-deb -x "$TOP"/tmp/"$PACKAGE"_*.deb "$TOP/tmp/package" || return 1
	cp -a "$TOP/tmp/package/." "$SITE/" && rm -rf "$TOP/tmp/package"
	echo "files of the Debian package $PACKAGE"
}
copy_installed() {
	for folder in $FALLBACKS; do
		[ -d "$folder" ] || continue
		cp -a "$folder" "$SITE/documents"
		echo "$PACKAGE cannot be downloaded now: files of $folder instead"
		return
	done
	die "neither the network nor any of $FALLBACKS is there"
}
fetch_package || copy_installed
mkdir -p "$SITE/html/cache"
printf '<html><body>Pengadilan Agama Ternate</body></html>\n' > "$SITE/html/index.html"
printf 'Pengumuman lama\n' > "$SITE/html/old.html"
echo "cached" > "$SITE/html/cache/page.tmp"

sqlite3 "$DATABASE" <<'SQL' >/dev/null
PRAGMA journal_mode = WAL;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL);
CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, author INTEGER NOT NULL REFERENCES users(id), published TEXT);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE INDEX articles_by_author ON articles(author);
INSERT INTO users (name, role) VALUES ('Admin Web', 'admin'), ('Redaktur', 'editor'), ('Editor', 'editor');
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO articles (title, body, author, published)
	SELECT 'Berita ' || i, 'Isi berita nomor ' || i || ' ' || hex(randomblob(200)), 1 + i % 3, date('2026-01-01', '+' || (i % 300) || ' days') FROM n;
INSERT INTO counters VALUES ('articles', 500);
SQL
echo "$(find "$SITE" -type f | wc -l) files, $(du -sh "$SITE" | cut -f1); database: $(sqlite3 "$DATABASE" 'SELECT count(*) FROM articles') articles"

say "2. The configuration: job website, SOP AS/28 item 2"
umask 077
head -c 24 /dev/urandom | base64 > "$TOP/keys/passphrase"
cat > "$TOP/pulih.yaml" <<YAML
office:
  name: Pengadilan Agama Ternate
  address: Jln. Tugu Makugawene, Kel. Kayu Merah, Kec. Ternate Selatan
  city: Ternate
  timezone: Asia/Jayapura
  language: id
people:
  - {id: admin, name: Contoh Admin, nip: "190000000000000001", position: Admin Web, role: operator}
  - {id: kasubbag, name: Contoh Pemeriksa, nip: "190000000000000002", position: Kasubbag Kepeg dan TI, role: reviewer}
targets:
  - {name: hdd, url: $TOP/repository, password_file: $TOP/keys/passphrase}
jobs:
  - name: website
    sop:
      number: AS/28
      item: "2"
      output: ADK / Dokumen elektronik
      title: SOP Pemeliharaan Website
      activity: Melakukan backup seluruh sistem, data dan informasi yang tersedia pada website secara berkala
      created: 09/04/2017
      effective: 09/05/2017
    performer: admin
    reviewer: kasubbag
    sources:
      - files: {paths: [$SITE], exclude: [cache/]}
      - sqlite: {path: $DATABASE}
    target: hdd
    schedule: {every: day, at: "01:00"}
    keep: {daily: 14, weekly: 8, monthly: 24}
    drill: {every: month, day: 30, at: "03:00"}
YAML
umask 022
show config check
show init -r hdd

say "3. The first run"
show run website

say "4. Changes: one file new, one changed, one gone; rows come in while the second run is at work"
sleep 1
printf 'Pengumuman baru\n' > "$SITE/html/new.html"
printf '<!-- diubah -->\n' >> "$SITE/html/index.html"
rm "$SITE/html/old.html"
# Each transaction touches two tables: a copy of one moment has as many articles as the counter says.
(
	i=0
	while [ "$i" -lt "$WRITES" ]; do
		echo "BEGIN IMMEDIATE; INSERT INTO articles (title, body, author) VALUES ('Saat backup', hex(randomblob(100)), 1); UPDATE counters SET value = value + 1 WHERE name = 'articles'; COMMIT;"
		i=$((i + 1))
	done | sqlite3 -cmd '.timeout 10000' "$DATABASE"
) &
writer=$!
show run website
wait "$writer" || die "the writer of the database failed"
writer=
show snapshots -r hdd

say "5. Restore of the newest snapshot, and comparison"
show restore latest -r hdd -t "$TOP/restored" --verify
diff -r --no-dereference --exclude=cache "$SITE" "$TOP/restored$SITE" || die "the files differ"
[ ! -e "$TOP/restored$SITE/html/cache" ] || die "what was excluded is in the backup"
echo "files: every one is the same (diff -r)"

RESTORED=$TOP/restored$DATABASE
[ "$(sqlite3 "$RESTORED" 'PRAGMA integrity_check')" = ok ] || die "the restored database is damaged"
articles=$(sqlite3 "$RESTORED" 'SELECT count(*) FROM articles')
counter=$(sqlite3 "$RESTORED" "SELECT value FROM counters WHERE name = 'articles'")
[ "$articles" = "$counter" ] || die "the database is not of one moment: $articles articles, the counter says $counter"
sqlite3 "$DATABASE" "SELECT id, title, body, author FROM articles WHERE id <= $articles ORDER BY id; SELECT * FROM users;" > "$TOP/tmp/live"
sqlite3 "$RESTORED" "SELECT id, title, body, author FROM articles ORDER BY id; SELECT * FROM users;" > "$TOP/tmp/restored"
cmp "$TOP/tmp/live" "$TOP/tmp/restored" || die "rows of the database differ"
echo "database: integrity_check ok, $articles articles, counter $counter, $(sqlite3 "$RESTORED" 'SELECT count(*) FROM users') users; every row is the same"
echo "          (the live database has $(sqlite3 "$DATABASE" 'SELECT count(*) FROM articles') articles by now: the writer went on)"

say "6. The report of the second run"
show report list
show report show latest
"$PULIH" -q report export latest -o "$TOP/report.txt"
"$PULIH" -q report export latest --format pdf -o "$TOP/report.pdf"
"$PULIH" -q report recap --format pdf -o "$TOP/recap.pdf"
"$PULIH" -q report export latest --format json -o "$TOP/report.json"

say "7. A recovery sheet for the safe"
show key sheet -r hdd -o "$TOP/recovery-sheet.pdf"

say "The demo is done: everything is in $TOP"
cat <<TEXT
  site, database     what was backed up
  pulih.yaml, keys   configuration and passphrase
  repository         the backup ($(du -sh "$TOP/repository" | cut -f1))
  restored           the restored site
  state              caches and the ledger of records
  report.txt, .json  report and signed record      report.pdf, recap.pdf, recovery-sheet.pdf   to print
Look further: PULIH_CONFIG=$TOP/pulih.yaml PULIH_STATE_DIR=$TOP/state $PULIH snapshots -r hdd
Take it away: rm -r $TOP
TEXT
