# mosaic.report() in a browser: Chromium without a window draws the page, light and dark, of a store with two models and of one with
# 120; what is measured in it is what the store says; names of models run nothing.
use strict;
use warnings;
use Compress::Zlib;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my ($browser) = grep { -x } map { my $dir = $_; map { "$dir/$_" } qw(chromium-headless-shell chromium) } split /:/, $ENV{PATH};
BAIL_OUT('there is no Chromium (Debian: chromium-headless-shell)') unless defined $browser;
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

# Boxes of what is drawn, as the browser has placed it.
my $measure = q{<script>
const box = e => { const b = e.getBoundingClientRect(); return [b.width, b.height, b.right].map(v => v.toFixed(1)).join(' '); };
const lines = ['width ' + document.documentElement.scrollWidth + ' ' + innerWidth, 'ran ' + (window.ran || 0), 'scripts ' + document.scripts.length,
  'paper ' + getComputedStyle(document.body).backgroundColor, 'ink ' + getComputedStyle(document.body).color];
for (const e of document.querySelectorAll('svg')) lines.push('svg ' + (e.getAttribute('class') || 'key') + ' ' + box(e));
for (const e of document.querySelectorAll('svg rect, svg circle')) lines.push('shape ' + e.getAttribute('class') + ' ' + box(e));
for (const e of document.querySelectorAll('svg text')) { const b = e.getBoundingClientRect(), s = e.ownerSVGElement.getBoundingClientRect();
  if (b.left < s.left - 1 || b.right > s.right + 1 || b.top < s.top - 1 || b.bottom > s.bottom + 1) lines.push('cut ' + e.textContent); }
for (const r of document.querySelector('section').querySelectorAll('tbody tr'))
  lines.push('row ' + r.querySelector('.p1, .p2, .p3').ownerSVGElement.getBoundingClientRect().width.toFixed(1) + ' '
    + [1, 2, 3].map(n => { const e = r.querySelector('.p' + n); return e ? e.getBoundingClientRect().width.toFixed(1) : 0; }).join(' ') + ' ' + r.querySelector('th').textContent);
document.body.innerHTML = ''; document.body.append(Object.assign(document.createElement('pre'), { textContent: '\nBEGIN\n' + lines.join('\n') + '\nEND\n' }));
</script>};

# Opens a page; what the document is then, and the picture.
sub browse
{
	my ($name, $html, @options) = @_;
	my $page = "$tmp/$name.html";
	open my $file, '>:raw', $page or die "$page: $!";
	print $file $html;
	close $file;
	my ($out, $err) = ('', '');
	local $ENV{HOME} = $tmp;
	IPC::Run::run([ $browser, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking',
			'--no-first-run', "--user-data-dir=$tmp/chromium_$name", '--hide-scrollbars', '--window-size=900,1000', @options, '--dump-dom', "file://$page" ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(120)) or die "$browser: $err";
	return $out;
}

sub measured
{
	my ($name, $html, @options) = @_;
	$html =~ s{<meta http-equiv="Content-Security-Policy"[^>]*>}{} or die 'no policy';
	$html =~ s{</body>}{$measure</body>} or die 'no end';
	my ($text) = browse($name, $html, @options) =~ /\nBEGIN\n(.*)\nEND\n/s or die "$name: not measured";
	$text =~ s/&lt;/</g;
	$text =~ s/&gt;/>/g;
	$text =~ s/&amp;/&/g;
	my %of;
	for (split /\n/, $text) { my ($kind, $rest) = split / /, $_, 2; push @{ $of{$kind} }, $rest; }
	return \%of;
}

# How many pixels have which colour, of a PNG with 8 bits a channel.
sub colours
{
	my ($path) = @_;
	my $png = do { local $/; open my $file, '<:raw', $path or die "$path: $!"; <$file> };
	my ($data, $at, $width, $channels) = ('', 8);
	while ($at < length $png)
	{
		my ($length, $type) = unpack 'N a4', substr $png, $at, 8;
		my $chunk = substr $png, $at + 8, $length;
		($width, $channels) = (unpack('N', $chunk), { 2 => 3, 6 => 4 }->{ ord substr $chunk, 9, 1 }) if $type eq 'IHDR';
		$data .= $chunk if $type eq 'IDAT';
		$at += $length + 12;
	}
	$data = uncompress($data);
	my ($bytes, %count) = ($width * $channels);
	my @above = (0) x $bytes;
	for (my $y = 0; $y * ($bytes + 1) < length $data; $y++)
	{
		my ($filter, @row) = unpack 'C*', substr $data, $y * ($bytes + 1), $bytes + 1;
		for my $i ($filter ? 0 .. $#row : ())
		{
			my ($a, $b, $c) = ($i < $channels ? 0 : $row[ $i - $channels ], $above[$i], $i < $channels ? 0 : $above[ $i - $channels ]);
			my ($pa, $pb, $pc) = (abs($b - $c), abs($a - $c), abs($a + $b - 2 * $c));
			$row[$i] = ($row[$i] + ($filter == 1 ? $a : $filter == 2 ? $b : $filter == 3 ? $a + $b >> 1
				  : $pa <= $pb && $pa <= $pc ? $a : $pb <= $pc ? $b : $c)) & 255;
		}
		$count{ join ',', @row[ $_ * $channels .. $_ * $channels + 2 ] }++ for 0 .. $width - 1;
		@above = @row;
	}
	return \%count;
}

# All that is drawn is there, and is not cut off.
sub drawn
{
	my ($m, $name, %least) = @_;
	my %svg;
	$svg{ (split / /)[0] }++ for @{ $m->{svg} };
	cmp_ok($svg{$_} // 0, '>=', $least{$_}, "$name: $_") for sort keys %least;
	is_deeply([ grep { my ($class, $w, $h, $right) = split / /; $w <= 0 || $h <= 0 || $right > 900 } @{ $m->{svg} } ], [], "$name: every picture has a size, and is in the page");
	is_deeply([ grep { my ($class, $w, $h) = split / /; $w <= 0 || $h <= 0 } @{ $m->{shape} } ], [], "$name: every shape has a size");
	is_deeply($m->{cut}, undef, "$name: no word of a picture is cut");
	like($m->{width}[0], qr/^(\d+) \1$/, "$name: nothing is wider than the page");
	return;
}

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
my $hostile = q{<script>ran=1</script><img src=x onerror="ran=1">'};
my ($base, $shoes, $iris) = map { data($_) } qw(fashion_base fashion_shoes iris);
$node->safe_psql('postgres', qq{
CREATE EXTENSION pg_mosaic;
SELECT import_model('base', '$base');
SELECT import_model(\$n\$$hostile\$n\$, '$shoes');
SELECT import_model('base', '$base', keep => 1);
SELECT set_alias('prod', 'base@1', 'base', 0.1);
CREATE TABLE v AS SELECT (SELECT array_agg(((i * j) % 97 / 97.0)::real ORDER BY j) FROM generate_series(1, 784) j) AS f, i % 10 AS c FROM generate_series(1, 40) i;
SELECT plan_dedup(\$n\$$hostile\$n\$, 'SELECT f, c FROM v', 'accuracy', 0.5);
SELECT dedup_model(\$n\$$hostile\$n\$, 'SELECT f, c FROM v', 'accuracy', 0.5);
SELECT count(predict_class('base', f)) FROM v;
CREATE DATABASE many;
});

# two models, one with a hostile name
my $two = $node->safe_psql('postgres', 'SELECT mosaic.report()');
my $m = measured('two', $two);
drawn($m, 'two models', bar => 10, matrix => 1, curve => 1, key => 8);
is($m->{ran}[0], 0, 'a name of a model runs nothing');
is($m->{scripts}[0], 1, 'the script that measures is the only one');
is((grep { /\Q$hostile\E$/ } @{ $m->{row} }) + 0, 1, 'the name is there, as text');
is((grep { /^self / } @{ $m->{shape} }) . ' ' . (grep { /^cell / } @{ $m->{shape} }), '3 6', 'pairs of models');
for (@{ $m->{row} })
{
	my ($width, $own, $part, $rest, $name) = split / /, $_, 5;
	my $want = $node->safe_psql('postgres', qq{
SELECT string_agg(round(x, 3)::text, ' ') FROM (
  SELECT unnest(ARRAY[own, part - own]) / max(bytes) OVER () AS x, name FROM jsonb_to_recordset(mosaic.report_sharing(9) -> 'models') AS x (name text, bytes numeric, own numeric, part numeric)) y
 WHERE name = \$n\$$name\$n\$});
	my ($w1, $w2) = split / /, $want;
	ok(abs($own / $width - $w1) < 0.01 && abs($part / $width - $w2) < 0.01, "the bar of $name: $want of the width");
}
is($m->{paper}[0] . $m->{ink}[0], 'rgb(255, 255, 255)rgb(29, 36, 48)', 'light');

# as it is, its policy included: what was put into it does not run. The picture of it, where the reader likes it dark
(my $put = $two) =~ s{<body>}{<body><script>document.title = 'ran'</script>} or die 'no body';
my $dom = browse('dark', $put, '--force-dark-mode', '--blink-settings=preferredColorScheme=0', "--screenshot=$tmp/dark.png");
like($dom, qr{<title>Models in postgres</title>}, 'the page lets no script run, not even one that got into it');
my $colours = colours("$tmp/dark.png");
cmp_ok($colours->{'20,24,30'} // 0, '>', 400_000, 'a dark page');
cmp_ok($colours->{$_} // 0, '>', 500, "with bars of colour $_") for '110,168,234', '229,165,87';
cmp_ok(scalar keys %$colours, '>', 50, 'and letters');

# more models than are listed
$node->safe_psql('many', qq{
CREATE EXTENSION pg_mosaic;
SELECT count(i) FROM (SELECT pg_read_binary_file('$base') AS base, pg_read_binary_file('$shoes') AS shoes) f, generate_series(1, 120) n,
  import_model('model number ' || n, CASE WHEN n % 3 = 0 THEN shoes ELSE base END) i;
SELECT count(predict_class('model number ' || n, array_fill(0.5::real, '{784}'))) FROM generate_series(1, 120) n});
$m = measured('many', $node->safe_psql('many', 'SELECT mosaic.report()'));
drawn($m, '120 models', bar => 90, matrix => 1);
is(scalar @{ $m->{row} }, 30, 'the largest are listed');
is((grep { /^self / } @{ $m->{shape} }) . ' ' . (grep { /^cell / } @{ $m->{shape} }), '30 870', 'pairs of them');
is((split ' ', (grep { /^matrix / } @{ $m->{svg} })[0])[1] > 500, 1, 'large enough to be read');
done_testing();
