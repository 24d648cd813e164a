# The Debian package. Included by the Makefile.
#
#   make deb           builds pulih_VERSION_ARCHITECTURE.deb in the build folder, from a copy of the source
#   make deb-test      checks it with lintian, installs, uses and purges it in a throw-away root; needs root

DEB := $(BUILD)/pulih_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb
DEB_PACKAGES := debhelper dpkg-dev
DEB_TEST_PACKAGES := lintian bash-completion
DEB_SOURCE = $(BUILD)/deb/pulih-$(VERSION)

.PHONY: deb deb-test deps-deb deps-deb-test

deps-deb:
	$(call install,$(BUILD_PACKAGES) $(DEB_PACKAGES))
deps-deb-test:
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES) $(DEB_PACKAGES) $(DEB_TEST_PACKAGES))

# Nothing of the environment or of this make's own settings: the package depends on the source alone. A file that was taken away
# and not yet committed is still listed.
deb: deps-deb
	rm -rf $(BUILD)/deb
	@mkdir -p $(DEB_SOURCE)
	{ git ls-files -z -co --exclude-standard 2>/dev/null || find . -path './build*' -prune -o -type f -print0; } | \
		xargs -0 sh -c 'for file; do [ ! -e "$$file" ] || printf "%s\0" "$$file"; done' sh | \
		tar -c --null -T - | tar -x -C $(DEB_SOURCE)
	cd $(DEB_SOURCE) && env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		DEB_BUILD_OPTIONS="noautodbgsym parallel=$(shell nproc)" dpkg-buildpackage -us -uc -b
	mv $(BUILD)/deb/$(notdir $(DEB)) $(DEB)
	rm -rf $(BUILD)/deb
	@echo "$(DEB)"

deb-test: $(BUILD)/pulih deb deps-deb-test
	$(TEST_ENVIRONMENT) PULIH_DEB=$(abspath $(DEB)) $(PYTHON) -m pytest -q -rfEs --tb=short -p no:cacheprovider \
		$(PYTEST_OPTIONS) tests/system/test_package.py
