# make && sudo make install && make installcheck: as for other extensions of PostgreSQL, over CMake.
#
#   PG_CONFIG=…/pg_config   which PostgreSQL
#   DESTDIR=…               install there
#   PGHOST, PGPORT …        the running server of installcheck, which must be able to read test/data
#
# For work on pg_mosaic itself: CMake and tools/test.sh (docs/development.md).
PG_CONFIG ?= pg_config
CMAKE ?= cmake
PG_MAJOR := $(shell $(PG_CONFIG) --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
BUILD ?= build/make-$(PG_MAJOR)
PG_REGRESS = $(dir $(shell $(PG_CONFIG) --pgxs))/../test/regress/pg_regress
REGRESS = $(sort $(basename $(notdir $(wildcard test/sql/*.sql))))

all: $(BUILD)/CMakeCache.txt
	+$(CMAKE) --build $(BUILD) --target pg_mosaic sql_script

$(BUILD)/CMakeCache.txt:
	$(CMAKE) -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=Release -DPG_CONFIG=$$(command -v $(PG_CONFIG)) \
	  -DBUILD_TESTING=OFF -DMOSAIC_BENCH=OFF

install: all
	DESTDIR=$(DESTDIR) $(CMAKE) --install $(BUILD)

installcheck:
	mkdir -p $(BUILD)/installcheck
	MOSAIC_TEST_DATA=$(CURDIR)/test/data $(PG_REGRESS) --inputdir=test --outputdir=$(BUILD)/installcheck \
	  --bindir=$$($(PG_CONFIG) --bindir) --dbname=contrib_regression $(REGRESS)

clean:
	rm -rf $(BUILD)

.PHONY: all install installcheck clean
