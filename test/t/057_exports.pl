# Models as other tools export them (test/exports), through SQL: each is imported from its file, and given what it was exported with in all
# ways that there are: JSON, arrays and rows, of a table, in batches and alone, and whole cases at once. Values are what ONNX Runtime
# computes, within the tolerances of exports.onnx, labels and integers exactly; and all ways give the same bits.
use strict;
use warnings;
use Cwd qw(abs_path);
use Encode qw(encode_utf8);
use JSON::PP;
use List::Util qw(max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use MosaicTest;

my $exports = abs_path("$ENV{MOSAIC_TEST_DATA}/../exports");
my $json = JSON::PP->new->allow_nonref;

# What is refused, by model and way: SQLSTATE and message. predict() returns real[], and these have their labels first. All else has to be answered.
my $text = [ '42804', qr/output "label" is text/ ];
my %refused = (
	sklearn_mixed_pipeline => { label => $text },
	sklearn_random_forest => { label => $text, array => $text });

# Models whose items are not independent, so that their cases are given as they are; of all others each item is a row.
my %mixing = map { $_ => 1 } qw(bert_embed_dynamo_int8 bert_embed_legacy_int8 deberta_legacy mlp_bn_legacy_int8 recommender_legacy);

# ---- .npy files ----

my %types = ('<f4' => [ 'f<*', 'real' ], '<f8' => [ 'd<*', 'double precision' ], '<i8' => [ 'q<*', 'bigint' ]);

# { type => SQL's, shape => [...], values => [...] }; as the file holds them, numpy's strings as UTF-8.
sub read_npy
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	my $bytes = do { local $/; <$file> };
	my ($header, $data) = unpack 'x8 v/a a*', $bytes;
	my ($type, $shape) = $header =~ /'descr': '(.*?)', 'fortran_order': False, 'shape': \((.*?)\)/ or die "$path: $header";
	my @shape = $shape =~ /\d+/g;
	my $t = { shape => \@shape, type => 'text' };
	if (my ($length) = $type =~ /^<U(\d+)$/)
	{
		$t->{values} = [ map { encode_utf8(join('', map { chr } unpack 'V*', $_) =~ s/\0+$//r) } unpack '(a' . 4 * $length . ')*', $data ];
	}
	else
	{
		my ($format, $sql) = @{ $types{$type} // die "$path: type $type" };
		@$t{qw(type values)} = ($sql, [ unpack $format, $data ]);
	}
	scalar @{ $t->{values} } == size(@shape) or die "$path is cut off";
	return $t;
}

sub size { my $n = 1; $n *= $_ for @_; return $n; }

# Item k of n along the first dimension; keep: that stays, as 1.
sub item_of
{
	my ($t, $k, $keep) = @_;
	my ($n, @shape) = @{ $t->{shape} };
	my $each = size(@shape);
	return { type => $t->{type}, shape => [ $keep ? 1 : (), @shape ], values => [ @{ $t->{values} }[ $k * $each .. ($k + 1) * $each - 1 ] ] };
}

# ---- values as SQL has them ----

sub number_text
{
	my ($x, $type) = @_;
	return $x if $type eq 'bigint';
	return 'NaN' if $x != $x;
	return $x > 0 ? 'Infinity' : '-Infinity' if abs($x) == 9**9**9;
	return sprintf $type eq 'real' ? '%.9g' : '%.17g', $x;
}

# Elements within brackets, as the shape has them.
sub nested
{
	my ($open, $close, $elements, @shape) = @_;
	return $elements->[0] unless @shape;
	my $each = shift @shape;
	my $size = @$elements / $each;
	return $open . join(',', @shape
		? map { nested($open, $close, [ @$elements[ $_ * $size .. ($_ + 1) * $size - 1 ] ], @shape) } 0 .. $each - 1
		: @$elements) . $close;
}

sub as_array
{
	my ($t) = @_;
	my @texts = map { $t->{type} eq 'text' ? '"' . s/(["\\])/\\$1/gr . '"' : number_text($_, $t->{type}) } @{ $t->{values} };
	return nested('{', '}', \@texts, @{ $t->{shape} } ? @{ $t->{shape} } : 1);
}

sub as_json
{
	my ($inputs) = @_;
	my @members;
	for my $name (sort keys %$inputs)
	{
		my $t = $inputs->{$name};
		my @texts = map { $t->{type} eq 'text' ? $json->encode($_) : number_text($_, $t->{type}) =~ s/^(-?[IN].*)$/"$1"/r } @{ $t->{values} };
		push @members, $json->encode($name) . ': ' . nested('[', ']', \@texts, @{ $t->{shape} });
	}
	return '{' . join(', ', @members) . '}';
}

# Shape and elements of a decoded JSON value.
sub flatten
{
	my ($value) = @_;
	return ([], $value) unless ref $value eq 'ARRAY';
	my ($shape, @all);
	for (@$value)
	{
		my ($inner, @elements) = flatten($_);
		$shape //= $inner;
		"@$shape" eq "@$inner" or die 'a ragged array';
		push @all, @elements;
	}
	return ([ scalar @$value, @$shape ], @all);
}

# ---- models ----

# The cases of a folder: inputs and outputs by name.
sub read_cases
{
	my ($folder) = @_;
	my @cases;
	for my $in (sort glob "$folder/*/in")
	{
		my %case;
		for my $side (qw(in out))
		{
			my $dir = $in =~ s/in$/$side/r;
			$case{$side}{ m{([^/]*)\.npy$} ? $1 : die } = read_npy($_) for glob "$dir/*.npy";
		}
		push @cases, \%case;
	}
	return @cases;
}

# Rows for a table. Where items are independent each is one; else all of a case are one, and so is each item, of which nothing is known then.
sub make_rows
{
	my ($m) = @_;
	my @rows;
	for my $c (0 .. $#{ $m->{cases} })
	{
		my $in = $m->{cases}[$c]{in};
		my ($items) = map { $_->{shape}[0] } values %$in;
		push @rows, { case => $c, in => $in } unless $m->{independent};
		for my $k (0 .. $items - 1)
		{
			my %item = map { $_ => item_of($in->{$_}, $k, !$m->{independent}) } keys %$in;
			push @rows, { case => $m->{independent} ? $c : -1, in => \%item };
		}
	}
	return @rows if @rows > 1;
	# One row is no batch: of another it is known that it has the same bits always.
	my %other = %{ $rows[0]{in} };
	$_ = { %$_, values => [ reverse @{ $_->{values} } ] } for values %other;
	return (@rows, { case => -1, in => \%other });
}

# ---- SQL ----

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_mosaic');

# Statements that make tables of numbered lines: "given", the rows, as JSON and with a column for each input; "whole", the cases, as JSON.
sub load_sql
{
	my ($m) = @_;
	my $dir = $PostgreSQL::Test::Utils::tmp_check;
	my @inputs = @{ $m->{inputs} };
	my %files = (
		given => [ map { my $in = $_->{in}; [ as_json($in), map { as_array($in->{$_}) } @inputs ] } @{ $m->{rows} } ],
		whole => [ map { [ as_json($_->{in}) ] } @{ $m->{cases} } ]);
	for my $name (keys %files)
	{
		my $nr = 0;
		open my $file, '>:raw', "$dir/$name" or die "$dir/$name: $!";
		print $file join("\t", $nr++, map { s/\\/\\\\/gr } @$_), "\n" for @{ $files{$name} };
		close $file or die "$dir/$name: $!";
	}
	my $columns = join ', ', map { qq{"$_" $m->{cases}[0]{in}{$_}{type}\[]} } @inputs;
	return qq{
CREATE TEMP TABLE given (nr int, doc jsonb, $columns);
COPY given FROM '$dir/given';
CREATE TEMP TABLE whole (nr int, doc jsonb);
COPY whole FROM '$dir/whole';
SELECT set_inputs('$m->{name}', ignore_others => true)};
}

# The ways to ask, by name: expressions over "given".
sub ways
{
	my ($m) = @_;
	my ($first, @others) = @{ $m->{outputs} };
	my $columns = join ', ', map { qq{"$_"} } @{ $m->{inputs} };
	my $x = @{ $m->{inputs} } == 1 ? $columns : "ROW($columns)";
	return (
		json => "predict('$m->{name}', doc)",
		outputs => "predict_outputs('$m->{name}', $x)",
		row => "predict_outputs('$m->{name}', given)",
		$first => "predict('$m->{name}', $x)",
		(map { ($_ => "predict('$m->{name}', $x, '$_')") } @others),
		$m->{cases}[0]{out}{label} ? (class => "predict_label('$m->{name}', given)") : (),
		$m->{cases}[0]{out}{probabilities} ? (proba => "predict_proba('$m->{name}', given)") : ());
}

# The items of each case as one array.
sub whole_arrays
{
	my ($m) = @_;
	my @selects;
	for my $c (0 .. $#{ $m->{cases} })
	{
		my @nr = grep { $m->{rows}[$_]{case} == $c } 0 .. $#{ $m->{rows} };
		push @selects, qq{SELECT $c, predict('$m->{name}', array_agg("$m->{inputs}[0]" ORDER BY nr))
			FROM given WHERE nr BETWEEN $nr[0] AND $nr[-1]};
	}
	return join(' UNION ALL ', @selects) . ' ORDER BY 1';
}

# Runs named statements in one session; of each its output and its errors.
sub run_named
{
	my (@statements) = @_;
	my $script = "\\set VERBOSITY verbose\n";
	for (my $i = 0; $i < @statements; $i += 2)
	{
		$script .= "\\echo -- $statements[$i]\n\\warn -- $statements[$i]\n$statements[$i + 1];\n";
	}
	my ($rc, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
	my (undef, %out) = split /^-- (.*)(?:\n|\z)/m, $out;
	my (undef, %err) = split /^-- (.*)(?:\n|\z)/m, $err;
	return { map { $_ => { out => $out{$_}, err => $err{$_} } } keys %out };
}

sub ask
{
	my ($m, %ways) = @_;
	my @statements = (load => load_sql($m), whole => "SELECT nr, predict('$m->{name}', doc) FROM whole ORDER BY nr");
	push @statements, array => whole_arrays($m) if $m->{independent} && @{ $m->{inputs} } == 1;
	for my $way (sort keys %ways)
	{
		my $sql = "SELECT nr, $ways{$way} FROM given ORDER BY nr";
		push @statements, $way => $sql,
		  "$way, alone" => "SET pg_mosaic.batch = off; $sql; SET pg_mosaic.batch = on",
		  "$way, explain" => "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) $sql";
	}
	return run_named(@statements);
}

# ---- comparison ----

# What was answered, line by line; real[] as JSON has arrays.
sub values_of
{
	my ($answer) = @_;
	my @lines = map { s/^\d+\|//r } split /\n/, $answer->{out};
	return map { /^\{(?!")/ ? s/(-?Infinity|NaN)/"$1"/gr =~ tr/{}/[]/r : $_ } @lines;
}

# How elements differ from what is expected, or ''.
sub difference
{
	my ($m, $expected, @actual) = @_;
	my @wanted = @{ $expected->{values} };
	return @actual . ' elements instead of ' . @wanted if @actual != @wanted;
	my $largest = 0;
	for my $i (0 .. $#wanted)
	{
		my ($a, $e) = ($actual[$i], $wanted[$i]);
		next if $a eq ($expected->{type} eq 'text' ? $e : number_text($e, $expected->{type}));
		return "$a instead of $e at $i" if $expected->{type} !~ /real|double/ || $e - $e != 0 || $a !~ /^-?\d/;
		$largest = max($largest, abs($a - $e));
	}
	return '' if $largest == 0;
	my $scale = max(1e-30, map { $_ - $_ == 0 ? abs : 0 } @wanted);
	return $largest <= $m->{tolerance} * $scale ? '' : sprintf '%g of the largest element', $largest / $scale;
}

# The elements of an output, for each case, from the values of rows or of whole cases; dies where a shape is not what is expected.
sub by_case
{
	my ($m, $name, $rows, @values) = @_;
	my @all = map { [] } @{ $m->{cases} };
	for my $nr (0 .. $#values)
	{
		my $c = $rows ? $m->{rows}[$nr]{case} : $nr;
		next if $c < 0;
		my ($shape, @elements) = flatten($values[$nr]);
		my @wanted = @{ $m->{cases}[$c]{out}{$name}{shape} };
		shift @wanted if $rows && $m->{independent};
		"@$shape" eq "@wanted" or die "$name has shape [@$shape] instead of [@wanted]\n";
		push @{ $all[$c] }, @elements;
	}
	return @all;
}

# Tests all outputs of rows, or of whole cases, given as JSON.
sub outputs_are_right
{
	my ($m, $way, $rows, @values) = @_;
	my $problem = '';
	for my $name (@{ $m->{outputs} })
	{
		my @all = eval { by_case($m, $name, $rows, map { $_->{$name} } @values) } or $problem ||= $@;
		for my $c (0 .. $#all)
		{
			my $difference = difference($m, $m->{cases}[$c]{out}{$name}, @{ $all[$c] });
			$problem ||= "$name of case $c: $difference" if $difference ne '';
		}
	}
	return is($problem, '', "$m->{name}, $way: what ONNX Runtime computes");
}

# Tests that two lists of JSON values are the same; a single value is the same as an array of it.
sub are_the_same
{
	my ($name, $a, $b) = @_;
	my @texts = map { [ map { my ($shape, @elements) = flatten($_); [ "@{ @$shape ? $shape : [1] }", "@elements" ] } @$_ ] } $a, $b;
	return is_deeply(@texts, $name);
}

# True where what was answered is an error that is listed; tests that it is none, or the one that is listed.
sub is_refused
{
	my ($m, $way, @answers) = @_;
	my $refused = delete $refused{ $m->{name} }{$way};
	if ($refused) { like($_->{err}, qr/ERROR:  $refused->[0]: .*$refused->[1]/, "$m->{name}, $way: refused") for @answers; }
	else { is(join('', map { $_->{err} } @answers), '', "$m->{name}, $way: no errors"); }
	return $refused;
}

# Tests how the rows of each way were computed, and that they have the same bits alone; which ways were answered.
sub check_ways
{
	my ($m, $answers, @ways) = @_;
	my $items = $m->{independent} ? qr/at once|in groups of \d+/ : qr/one by one: node ".*" \(\w+\) mixes items/;
	my @answered;
	for my $way (@ways)
	{
		my $name = "$m->{name}, $way";
		my ($batched, $alone, $explain) = @$answers{ $way, "$way, alone", "$way, explain" };
		next if is_refused($m, $way, $batched, $alone, $explain);
		is(scalar values_of($batched), scalar @{ $m->{rows} }, "$name: as many answers as rows");
		is_deeply([ values_of($alone) ], [ values_of($batched) ], "$name: rows have the same bits alone");
		like($explain->{out}, qr/^ *Items: (?:$items)$/m, "$name: how rows were computed");
		push @answered, $way;
	}
	return @answered;
}

sub check_model
{
	my ($m) = @_;
	my %ways = ways($m);
	my $answers = ask($m, %ways);
	is($answers->{load}{err}, '', "$m->{name}: rows are loaded") or return;
	my %answered = map { $_ => [ values_of($answers->{$_}) ] } check_ways($m, $answers, sort keys %ways);
	my @rows = map { $json->decode($_) } @{ $answered{json} };
	my @whole = map { $json->decode($_) } is_refused($m, 'whole', $answers->{whole}) ? () : values_of($answers->{whole});

	outputs_are_right($m, 'json', 1, @rows) && outputs_are_right($m, 'whole', 0, @whole) or return;
	is_deeply($answered{$_}, $answered{json}, "$m->{name}, $_: the bits of json") for grep { $answered{$_} } qw(outputs row);
	is_deeply($answered{class}, [ map { $_->{label} } @rows ], "$m->{name}, class: the label") if $answered{class};
	# In which order classes are, the labels do not tell.
	is_deeply([ map { [ sort values %{ $json->decode($_) } ] } @{ $answered{proba} } ], [ map { [ sort @{ $_->{probabilities} } ] } @rows ],
		"$m->{name}, proba: the probabilities") if $answered{proba};
	for my $name (@{ $m->{outputs} })
	{
		are_the_same("$m->{name}, whole: $name has the bits of json", map { [ by_case($m, $name, @$_) ] }
			[ 0, map { $_->{$name} } @whole ], [ 1, map { $_->{$name} } @rows ]);
		are_the_same("$m->{name}, $name: the bits of json", [ map { $json->decode($_) } @{ $answered{$name} } ], [ map { $_->{$name} } @rows ])
		  if $answered{$name};
	}
	return if !$answers->{array} || is_refused($m, 'array', $answers->{array});
	my $first = $m->{outputs}[0];
	my @arrays = map { my (undef, @elements) = flatten($json->decode($_)); \@elements } values_of($answers->{array});
	are_the_same("$m->{name}, array: the bits of json", \@arrays, [ by_case($m, $first, 1, map { $_->{$first} } @rows) ]);
	return;
}

for my $folder (sort grep { -d } glob "$exports/*")
{
	my ($name) = $folder =~ m{([^/]+)$};
	my $m = { name => $name, tolerance => 1e-5, cases => [ read_cases($folder) ] };
	$m->{tolerance} = slurp_file("$folder/tolerance") + 0 if -e "$folder/tolerance";
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT model FROM import_model('$name', '$folder/model.onnx');
		SELECT jsonb_build_object('inputs', inputs, 'outputs', outputs) FROM mosaic.models WHERE name = '$name'");
	my ($imported, $is) = "$out$err" =~ /\A(.*)\n(\{.*)\z/;
	is($imported // $err, $name, "$name: imported") or next;
	cmp_ok(scalar @{ $m->{cases} }, '>', 0, "$name: has cases") or next;
	$is = $json->decode($is);
	$m->{$_} = [ map { $_->{name} } @{ $is->{$_} } ] for qw(inputs outputs);
	$m->{independent} = !$mixing{$name};
	is_deeply([ map { $_->{item_axis} } map { @$_ } values %$is ], [ map { $m->{independent} ? 0 : undef } map { @$_ } values %$is ],
		"$name: which dimension counts items") or next;
	$m->{rows} = [ make_rows($m) ];
	check_model($m);
}
# One item of a model whose items mix: some inputs without the dimension that counts items. JSON and a row are answered alike.
is($node->safe_psql('postgres', q{SELECT predict_outputs('recommender_legacy', ROW(1, 1, '{1,2,3,4,5,6}'::int[]))}),
	$node->safe_psql('postgres', q{SELECT predict('recommender_legacy', '{"user": 1, "item": 1, "hist": [1, 2, 3, 4, 5, 6]}'::jsonb)}),
	'one item of a model whose items mix has one shape');
is_deeply([ grep { %{ $refused{$_} } } sort keys %refused ], [], 'what is listed as refused was');
store_is_sound($node, 'postgres', 'after all');
is($node->safe_psql('postgres', 'SELECT * FROM check_store()'), '', 'check_store() finds nothing');
$node->stop;
done_testing();
