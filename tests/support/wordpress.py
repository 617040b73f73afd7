"""A WordPress with this plugin in it: own database, own files, own port.

Debian's package, or the one in the folder that the environment variable WORDPRESS names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from support.servers import ROOT, answers, free_port, process
from support.waiting import PATIENCE_SECONDS

SOURCE = Path(os.environ.get("WORDPRESS", "/usr/share/wordpress"))
PLUGIN = ROOT / "plugins/wordpress/cartproxy"
USER, PASSWORD = "author", "a password for this test"
_PHP = shutil.which("php")
_INSTALL_DB = shutil.which("mariadb-install-db")
_MARIADB = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")

# No theme is among Debian's recommendations-free packages, and none is needed.
_THEME = {
    "style.css": "/*\nTheme Name: Bare\n*/",
    "functions.php": "<?php register_sidebar( array( 'id' => 'side' ) );",
    "index.php": """<!doctype html><html <?php language_attributes(); ?>><head><meta charset="utf-8">
<link rel="icon" href="data:,"><?php wp_head(); ?></head><body><main><?php
while ( have_posts() ) { the_post(); the_title( '<h1>', '</h1>' ); the_content(); }
?></main><ul><?php dynamic_sidebar( 'side' ); ?></ul><?php wp_footer(); ?></body></html>""",
}
# What the store's own plugin puts into pages, made from the list of its attributes and options. The
# address of its script is all that others know it by; this one leaves a mark.
_OLD_PLUGIN = {
    "shift4shop.php": """<?php
/* Plugin Name: The store's own */
add_shortcode( 'shift4shop', function ( $given ) {
	wp_enqueue_script( 'shift4shop-widget-script', plugins_url( 'assets/js/buy_widget.js', __FILE__ ), array(), '1.0.0' );
	return sprintf(
		'<div class="buy-content default" data-content-id="%s" data-store-url="%s/" data-product-name="true" data-content-button_text="Buy Now"></div>',
		$given['catalog_id'], get_option( 'shift4shop_siteurl' )
	);
} );
""",
    "assets/js/buy_widget.js": "document.documentElement.dataset.old = 'here';",
}
_CONFIG = """<?php
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:{socket}' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '{log}' );
define( 'DISABLE_WP_CRON', true );
define( 'WP_HOME', '{url}' );
define( 'WP_SITEURL', '{url}' );
define( 'WP_HTTP_BLOCK_EXTERNAL', true ); // nothing but this machine
define( 'WP_ACCESSIBLE_HOSTS', '127.0.0.1' );
$table_prefix = 'wp_';
require ABSPATH . 'wp-settings.php';
"""
_BOOT = """
error_reporting( E_ALL );
$_SERVER += array( 'HTTP_HOST' => '{host}', 'SERVER_NAME' => 'blog.localhost', 'REQUEST_URI' => '/' );
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
{before}
require '{files}/wp-load.php';
"""
_INSTALL = """
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install( 'A blog', '{user}', 'author@blog.example', true, '', '{password}' );
update_user_meta( 1, 'show_welcome_panel', 0 );
switch_theme( 'bare' );
update_option( 'sidebars_widgets', array( 'array_version' => 3 ) );
require_once ABSPATH . 'wp-admin/includes/plugin.php';
$failed = activate_plugin( 'cartproxy/cartproxy.php' );
exit( is_wp_error( $failed ) ? 1 : 0 );
"""

# Notes what each call of the plugin may take, and gives it more: a busy machine must not look like a
# service that is away.
_PATIENCE = """<?php
add_action( 'requests-requests.before_request', function ( $url, $headers, $data, $type, &$options ) {
	$wait = $options['timeout'] . ' ' . $options['connect_timeout'] . "\\n";
	file_put_contents( '{waits}', $wait, FILE_APPEND );
	$options['timeout'] = file_exists( '{waits}.strict' ) ? $options['timeout'] : 60;
}, 20, 5 );
add_filter( 'cartproxy_page_seconds', function ( $seconds ) {
	return file_exists( '{waits}.strict' ) ? $seconds : 60;
} );
"""
_FORGET = (
    "$wpdb->query( \"DELETE FROM wp_options WHERE option_name LIKE '\\_transient%cartproxy%'\" );"
)


def missing() -> list[str]:
    """Debian's packages that are not there."""
    modules = subprocess.run([_PHP, "-m"], capture_output=True, text=True).stdout if _PHP else ""
    needed = {
        "wordpress": (SOURCE / "wp-load.php").is_file(),
        "php-cli": _PHP is not None,
        "php-mysql": "mysqli" in modules.split(),
        "mariadb-server": bool(_INSTALL_DB and _MARIADB),
    }
    return [package for package, there in needed.items() if not there]


class WordPress:
    """An installed WordPress. `url` is its origin."""

    def __init__(self, folder: Path, port: int, socket: Path) -> None:
        self.url = f"http://blog.localhost:{port}"
        self.files = folder / "site"
        self.log = folder / "debug.log"
        self._waits, self._strict = folder / "waits", folder / "waits.strict"
        # What is compiled is kept in files, for the processes that follow.
        compiled = folder / "compiled"
        compiled.mkdir()
        options = ("opcache.enable_cli=1", f"opcache.file_cache={compiled}")
        self.interpreter = [str(_PHP), *(part for each in options for part in ("-d", each))]
        self._posts: dict[str, str] = {}
        shutil.copytree(SOURCE, self.files)
        content = self.files / "wp-content"
        shutil.copytree(PLUGIN, content / "plugins/cartproxy")
        (content / "mu-plugins").mkdir()
        patience = _PATIENCE.replace("{waits}", str(self._waits))
        (content / "mu-plugins/patience.php").write_text(patience)
        theme = content / "themes/bare"
        theme.mkdir()
        for name, text in _THEME.items():
            (theme / name).write_text(text)
        config = _CONFIG
        for name, value in (("socket", socket), ("log", self.log), ("url", self.url)):
            config = config.replace(f"{{{name}}}", str(value))
        (self.files / "wp-config.php").write_text(config)
        quiet = "define( 'WP_INSTALLING', true ); function wp_mail() { return true; }"
        install = _INSTALL.replace("{user}", USER).replace("{password}", PASSWORD)
        self.php(install, before=quiet)

    def php(self, code: str, before: str = "") -> str:
        """What the code prints, run with WordPress loaded."""
        boot = _BOOT.replace("{host}", self.url.removeprefix("http://"))
        boot = boot.replace("{before}", before).replace("{files}", str(self.files))
        command = [*self.interpreter, "-d", "display_errors=stderr", "-r", boot + code]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert ran.returncode == 0, self.said() + ran.stderr
        return ran.stdout

    @contextmanager
    def strict(self) -> Iterator[None]:
        """Within the block the plugin's calls end when the plugin says."""
        self._strict.touch()
        yield
        self._strict.unlink()

    def waits(self) -> list[str]:
        """How long each call since the last time asked could last and connect, in seconds."""
        noted = self._waits.read_text().splitlines() if self._waits.exists() else []
        self._waits.unlink(missing_ok=True)
        return noted

    def said(self, about: str = "") -> str:
        """PHP's complaints with that text in them; an old WordPress has some of its own."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return "\n".join(line for line in lines if about in line)

    def get(self, url: str, **headers: str) -> requests.Response:
        """A page as a reader without a browser gets it, whose machine knows no blog.localhost."""
        host = self.url.removeprefix("http://")
        reached = url.replace("blog.localhost", "127.0.0.1")
        sent = {"Host": host, **headers}
        return requests.get(reached, headers=sent, allow_redirects=False, timeout=90)

    def post(self, content: str) -> str:
        """Publish a post, once; its address."""
        if content not in self._posts:
            code = "wp_set_current_user( 1 ); echo wp_insert_post( array( 'post_title' => 'A post', 'post_status' => 'publish', 'post_content' => wp_slash( <<<'POST'\n%s\nPOST ) ) );"
            self._posts[content] = f"{self.url}/?p={self.php(code % content)}"
        return self._posts[content]

    def set(self, service: str, store: str = "demo", key: str = "", integrity: str = "") -> None:
        """The plugin's settings; all that was seen with others is forgotten."""
        self.php(
            f"{_FORGET} delete_option( 'cartproxy_integrity' );"
            f"update_option( 'cartproxy_settings', array( 'service_url' => '{service}', 'store' => '{store}', 'integrity' => '{integrity}' ) );"
            f"update_option( 'cartproxy_api_key', '{key}' );"
        )

    @contextmanager
    def old_plugin(self) -> Iterator[None]:
        """Within the block the store's own plugin is active."""
        folder = self.files / "wp-content/plugins/3dcart-wp-online-store"
        for name, text in _OLD_PLUGIN.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        switch = "require_once ABSPATH . 'wp-admin/includes/plugin.php'; %s( '3dcart-wp-online-store/shift4shop.php' );"
        self.php(switch % "activate_plugin")
        yield
        self.php(switch % "deactivate_plugins")

    def age(self) -> None:
        """Let the copies of products be older than they may be without asking again."""
        self.php(
            "delete_transient( 'cartproxy_away' );"
            "foreach ( $wpdb->get_col( \"SELECT option_name FROM wp_options WHERE option_name LIKE '\\_transient\\_cartproxy\\_p%'\" ) as $name ) {"
            "$entry = get_option( $name ); $entry['ask_at'] = 0; update_option( $name, $entry ); }"
        )


@contextmanager
def wordpress(folder: Path) -> Iterator[WordPress]:
    """A running WordPress, whose files lie in the folder."""
    port = free_port()
    with TemporaryDirectory(prefix="wp") as short:  # a socket's path has room for 107 characters
        socket = Path(short) / "sql"
        with _database(folder, socket):
            blog = WordPress(folder, port, socket)
            command = [*blog.interpreter, "-S", f"127.0.0.1:{port}", "-t", str(blog.files)]
            ready = answers(f"http://127.0.0.1:{port}/readme.html")
            with process(command, ready, log=folder / "php.log"):
                yield blog


@contextmanager
def _database(folder: Path, socket: Path) -> Iterator[None]:
    files = folder / "database"
    common = ["--no-defaults", f"--datadir={files}", f"--user={getuser()}"]
    create = [str(_INSTALL_DB), *common, "--auth-root-authentication-method=normal"]
    subprocess.run([*create, "--skip-test-db"], check=True, capture_output=True)
    first = folder / "first.sql"
    first.write_text("CREATE DATABASE IF NOT EXISTS wordpress;\n")
    options = [
        f"--socket={socket}",
        f"--pid-file={folder / 'database.pid'}",
        f"--init-file={first}",
        "--skip-networking",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=32M",
        "--innodb-log-file-size=8M",
        "--innodb-fast-shutdown=2",  # nothing is to be kept
    ]
    with process([str(_MARIADB), *common, *options], socket.exists, log=folder / "database.log"):
        yield
