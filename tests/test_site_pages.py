"""The built site in a real browser: every page, in both languages, on a phone and a desk.

Run by `make site-test`, which builds it first. Screenshots are left in build/screenshots.
"""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
from conftest import ROOT

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the site's packages are in .venv-site: make site-test"
)
from axe_playwright_python.base import AXE_FILE_PATH  # noqa: E402

SITE, SHOTS = ROOT / "build/site", ROOT / "build/screenshots"
PAGES = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html"))
TEXTS = [page for page in PAGES if "/" in page and "/_modules/" not in page]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
WORDS = {"en": ("en", "learning rate"), "vi": ("vi", "tinh chỉnh")}
MB = 1_000_000

pytestmark = [
    pytest.mark.skipif(not PAGES, reason="there is no site: make site"),
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium"),
]
AXE = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.filter(fault => ["serious", "critical"].includes(fault.impact))
        .map(fault => `${fault.id}: ${fault.nodes.map(node => node.html).slice(0, 3).join(" ")}`);
}"""
PICTURES = """() => [...document.images].filter(image =>
    !image.complete || !image.naturalWidth || !image.alt.trim()).map(image => image.src)"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        # no sandbox: in a container, where this is root, it cannot be set up
        yield started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def tab(browser, address):
    """An empty page, which notes in `tab.faults` what goes wrong, and in `tab.bytes` its weight."""
    tab = browser.new_page()
    tab.faults, tab.bytes = [], 0
    tab.set_default_timeout(10_000)

    def weigh(response):
        path = SITE / unquote(response.url.removeprefix(address + "/").split("?")[0])
        if not response.url.startswith(address) or response.status >= 400:
            tab.faults.append(f"{response.status} {response.url}")
        elif path.is_file():
            tab.bytes += path.stat().st_size

    def only_here(route):
        if not route.request.url.startswith((address, "data:")):
            tab.faults.append(f"asks elsewhere: {route.request.url}")
        route.continue_()

    tab.route("**/*", only_here)
    tab.on("response", weigh)
    tab.on(
        "console", lambda line: line.type in ("error", "warning") and tab.faults.append(line.text)
    )
    tab.on("pageerror", lambda error: tab.faults.append(str(error)))
    yield tab
    tab.close()


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_is_whole_at_every_width_and_light(tab, address, page):
    tab.goto(f"{address}/{page}", wait_until="networkidle")
    tab.faults += [f"no picture, or no text for it: {name}" for name in tab.evaluate(PICTURES)]
    if tab.bytes > 1.5 * MB:
        tab.faults.append(f"{tab.bytes / MB:.1f} MB")
    tab.add_script_tag(path=AXE_FILE_PATH)
    for width in (390, 1280):
        tab.set_viewport_size({"width": width, "height": 844})
        if tab.evaluate("document.documentElement.scrollWidth") > width:
            tab.faults.append(f"scrolls sideways at {width} px")
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            shot = SHOTS / page.replace("/", "-").replace(".html", f"-{width}-{scheme}.png")
            tab.screenshot(path=shot, full_page=True, animations="disabled")
            tab.faults += [f"{width} px, {scheme}: {fault}" for fault in tab.evaluate(AXE)]
    assert not tab.faults, "\n".join(tab.faults)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in TEXTS])
def test_a_page_of_source_code_loads(tab, address, page):
    tab.goto(f"{address}/{page}", wait_until="networkidle")
    assert not tab.faults, "\n".join(tab.faults)


@pytest.mark.parametrize("page", TEXTS)
def test_the_same_page_in_the_other_language_is_one_click_away(tab, address, page):
    language, path = page.split("/", 1)
    other = {"en": "vi", "vi": "en"}[language]
    tab.goto(f"{address}/{page}")
    tab.click(f".tools a[hreflang={other}]")
    assert tab.url == f"{address}/{other}/{path}"
    assert tab.get_attribute("html", "lang") == other


@pytest.mark.parametrize(("language", "words"), WORDS.values())
def test_the_search_finds_words(tab, address, language, words):
    tab.goto(f"{address}/{language}/index.html")
    tab.fill("input[name=q]", words)
    tab.press("input[name=q]", "Enter")
    tab.wait_for_selector("#search-results li")
    assert tab.locator("#search-results li").count() >= 3
    assert not tab.faults, "\n".join(tab.faults)


@pytest.mark.parametrize("language", ["en", "vi"])
def test_nothing_to_be_read_needs_javascript(browser, address, language):
    for scheme, background in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(19, 20, 22)")):
        context = browser.new_context(java_script_enabled=False, color_scheme=scheme)
        tab = context.new_page()
        tab.goto(f"{address}/{language}/notebooks/01-fine-tuning.html")
        assert tab.locator("article h2").count() >= 5
        assert tab.locator(".sidebar-tree a").first.is_visible()
        body = tab.locator("body")
        assert body.evaluate("body => getComputedStyle(body).backgroundColor") == background
        context.close()


@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_public_name_has_its_example_and_its_source(tab, address, language):
    import hotdog_ft

    tab.goto(f"{address}/{language}/api.html")
    for name in hotdog_ft.__all__:
        signature = tab.locator(f"dt.sig:has(a.headerlink[href='#hotdog_ft.{name}'])")
        assert signature.locator("a[href*='_modules/']").count() == 1, name
        entry = signature.locator("xpath=..")
        assert entry.locator(".highlight").count() >= 1, name


def test_the_whole_site_is_small():
    assert sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) <= 25 * MB
