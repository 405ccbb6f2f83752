# What the scripts read of pgBackRest's JSON. backup/info.ts has the shape of `info`, and reads it for the provider.

# Of `info`: numbers of the repositories that cannot be read.
def unreadable: [.[].repo[]? | select(.status.code == 99).key] | unique[];

def labels: .[].backup[].label;

# The first WAL segment of the newest backup; null without a backup.
def newest_start: [.[].backup[]] | max_by(.timestamp.stop).archive.start;

# Of `repo-ls`, which prints an object of the files by path: the size of all files.
def bytes: [.[].size // 0] | add // 0;

# Number of a WAL segment on its timeline.
def segment_number:
  def hex: reduce explode[] as $digit (0; . * 16 + (if $digit > 57 then $digit - 55 else $digit - 48 end));
  (.[8:16] | hex) * 256 + (.[16:24] | hex);

# Each gap in the archived segments up to $archived. Segments are archived concurrently: only up to this one, all have to exist. A gap is
# open if no backup has started since, at $newest at the latest, so that a restore cannot reach the present.
def missing_wal($repository; $archived; $newest):
  [keys[] | capture("(?<segment>[0-9A-F]{24})-[0-9a-f]{40}").segment | select(. <= $archived)]
  | unique
  | [.[:-1], .[1:]]
  | transpose[]
  | select(.[0][:8] == .[1][:8])
  | {
      $repository,
      before_segment: .[1],
      segments: ((.[1] | segment_number) - (.[0] | segment_number) - 1),
      open: (.[1][:8] == $newest[:8] and .[1] > $newest)
    }
  | select(.segments > 0);
