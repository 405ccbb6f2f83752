# Connects many streams of one process to the server's socket, over standard input and output; provider/relay.ts starts it. A frame is
# the number of the stream (4 bytes), its kind (1), the length of its data (4) and the data.
# Kinds of its input: o opens the stream, d has data, e says that no data follows, x closes the stream at once.
# Kinds of its output: d has data, x says that the stream is closed, with the error as data if it could not be opened.
use strict;
use warnings;
use IO::Socket::UNIX;

use constant { HEADER => 9, CHUNK => 65536, FULL => 1 << 20 };

my ($path) = @ARGV;
my %socket;     # stream => its socket
my %unsent;     # stream => data that the server has not taken yet
my %ending;     # stream => true: no data follows what is unsent
my $in = "";    # of the process: less than a frame
my $out = "";   # to the process

$SIG{PIPE} = 'IGNORE';
$_->blocking(0) for *STDIN{IO}, *STDOUT{IO};

sub frame { my ($id, $kind, $data) = @_; $out .= pack("NANa*", $id, $kind, length $data, $data); }

sub forget { my ($id) = @_; delete $unsent{$id}; delete $ending{$id}; my $socket = delete $socket{$id}; close $socket if $socket; }

sub open_stream {
  my ($id) = @_;
  my $socket = IO::Socket::UNIX->new(Peer => $path);
  return frame($id, "x", "$path: $!") unless $socket;
  $socket->blocking(0);
  ($socket{$id}, $unsent{$id}) = ($socket, "");
}

sub take_frames {
  while (length $in >= HEADER) {
    my ($id, $kind, $length) = unpack("NAN", $in);
    last if length $in < HEADER + $length;
    my $data = substr($in, HEADER, $length);
    substr($in, 0, HEADER + $length) = "";
    if ($kind eq "o") { open_stream($id); next; }
    next unless $socket{$id};    # the server has closed it
    if ($kind eq "d") { $unsent{$id} .= $data; }
    elsif ($kind eq "e") { $ending{$id} = 1; }
    elsif ($kind eq "x") { forget($id); }
  }
}

sub send_to_server {
  my ($id) = @_;
  if (length $unsent{$id}) {
    my $sent = syswrite($socket{$id}, $unsent{$id});
    if (defined $sent) { substr($unsent{$id}, 0, $sent) = ""; }
    elsif (!$!{EAGAIN}) { $unsent{$id} = ""; }    # what it sent before it closed is still to be read
  }
  if (!length $unsent{$id} && delete $ending{$id}) { shutdown($socket{$id}, 1); }
}

sub receive_from_server {
  my ($id) = @_;
  my $read = sysread($socket{$id}, my $data, CHUNK);
  if ($read) { frame($id, "d", $data); }
  elsif (defined $read || !$!{EAGAIN}) { frame($id, "x", ""); forget($id); }
}

while (1) {
  my ($read, $write) = ("", "");
  # Neither side gets far ahead of the other.
  vec($read, 0, 1) = 1 unless grep { length $_ > FULL } values %unsent;
  vec($write, 1, 1) = 1 if length $out;
  for my $id (keys %socket) {
    vec($read, fileno $socket{$id}, 1) = 1 if length $out < FULL;
    vec($write, fileno $socket{$id}, 1) = 1 if length $unsent{$id} || $ending{$id};
  }
  next if select($read, $write, undef, undef) < 0;
  if (vec($write, 1, 1)) {
    my $sent = syswrite(STDOUT, $out);
    if (defined $sent) { substr($out, 0, $sent) = ""; }
    elsif (!$!{EAGAIN}) { exit; }
  }
  for my $id (keys %socket) {
    my $file = fileno $socket{$id};
    send_to_server($id) if vec($write, $file, 1);
    receive_from_server($id) if vec($read, $file, 1);
  }
  if (vec($read, 0, 1)) {
    my $count = sysread(STDIN, $in, CHUNK, length $in);
    exit if defined $count ? $count == 0 : !$!{EAGAIN};    # the process has ended, and so do its sessions
    take_frames();
  }
}
