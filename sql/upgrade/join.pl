#!/usr/bin/perl
# join.pl RELEASED UPGRADE < NEW: prints the upgrade script from the release before to this version.
#
# RELEASED is the frozen script of that release, NEW the script of this version, UPGRADE what is written by
# hand: changes of tables, drops, what becomes of rows. At its line "-- @changed statements@" come the
# statements of NEW that RELEASED has not, in their order:
#
#   CREATE FUNCTION, PROCEDURE, VIEW   as CREATE OR REPLACE
#   CREATE of anything else            where it is new; that of an object of the release before is left to UPGRADE
#   all others                         as they are: COMMENT, GRANT, REVOKE, ALTER, SELECT pg_extension_config_dump
#
# A line "-- @changed statements before STATEMENT@" ahead of it takes those that come before the one that begins thus:
# what UPGRADE needs itself.
#
# Statements on an object that UPGRADE drops before that line count as new, whether they changed or not.
# Grants that stay as they are must not be repeated: they would make those of the administrator look like
# the extension's own (pg_init_privs), and pg_dump would leave them out.
use strict;
use warnings;

sub slurp
{
	my ($path) = @_;
	open my $file, '<', $path or die "$path: $!\n";
	local $/;
	return <$file>;
}

# The statements of a script, without comments and psql's commands. BEGIN ATOMIC ends with a line "END;".
sub statements
{
	my ($sql) = @_;
	my @statements = ('');
	while ($sql =~ /\G(?:(?<gap>--[^\n]*|^\\[^\n]*)|(?<text>'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$.*?\$\g{-1}\$|\bBEGIN\s+ATOMIC\b.*?^END(?=;)|[^;])|;)/gcms)
	{
		if (defined $+{text}) { $statements[-1] .= $+{text}; }
		elsif (!defined $+{gap}) { push @statements, ''; }
	}
	return grep { /\S/ } map { s/^\s+|\s+$//gr } @statements;
}

sub normal { my ($statement) = @_; return $statement =~ s/\s+/ /gr; }

# What a CREATE creates: kind and name.
my $kinds = join '|', map { s/ /\\s+/gr } 'TABLE', 'INDEX', 'SEQUENCE', 'SCHEMA', 'TYPE', 'DOMAIN', 'ACCESS METHOD', 'AGGREGATE',
  'OPERATOR CLASS', 'OPERATOR FAMILY', 'OPERATOR', 'TRIGGER', 'EVENT TRIGGER', 'POLICY';

sub object
{
	my ($statement) = @_;
	return $statement =~ /^CREATE\s+(?:UNIQUE\s+)?(?:($kinds)\s+([^\s(]+)|(CAST)\s*(\([^)]*\)))/ ? normal(($1 // $3) . ' ' . ($2 // $4)) : undef;
}

my ($released, $upgrade) = map { slurp($_) } @ARGV;
my @parts = split /^-- \@changed statements(| before [^\n]*)\@\n/m, $upgrade, -1;    # text, mark, text, mark, text
die "$ARGV[1]: no line \"-- \@changed statements\@\"\n" unless @parts > 1 && $parts[-2] eq '';

my $before = join '', map { $_ % 2 ? () : $parts[$_] } 0 .. $#parts - 1;
my @dropped = map { /^DROP\s+(?:\w+\s+)+?(?:IF\s+EXISTS\s+)?([\w.]+)\s*(?:\(|CASCADE\b|$)/ ? $1 : () } statements($before);
my $dropped = @dropped ? '(?<![\w.])(?:' . join('|', map { quotemeta } @dropped) . ')(?![\w.])' : '(?!)';
my @released = grep { !/$dropped/ } statements($released);
my %known = map { normal($_) => 1 } @released;
my %exists = map { my $object = object($_); defined $object ? ($object => 1) : () } @released;

my @new = statements(do { local $/; <STDIN> });

# The changed ones of @new, up to one that begins with this text.
sub changed
{
	my ($end) = @_;
	my $changed = '';
	while (@new && ($end eq '' || index(normal($new[0]), $end) != 0))
	{
		my $statement = shift @new;
		next if $known{ normal($statement) };
		if ($statement =~ /^CREATE\s+(?:FUNCTION|PROCEDURE|VIEW)\b/) { $statement =~ s/^CREATE\b/CREATE OR REPLACE/; }
		elsif ($statement =~ /^CREATE\b/)
		{
			my $object = object($statement) // die "what does this create? $statement\n";
			next if $exists{$object};
		}
		$changed .= "\n$statement;\n";
	}
	die "$ARGV[1]: no statement begins with \"$end\"\n" if $end ne '' && !@new;
	return $changed;
}

print map { $_ % 2 ? changed($parts[$_] =~ s/^ before //r) : $parts[$_] } 0 .. $#parts;
