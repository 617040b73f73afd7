<?php
/**
 * Plugin Name:       cartproxy
 * Description:       Buttons on your posts that put a shop's products into a cart, with name and price in the page itself.
 * Version:           0.1.0
 * Requires at least: 6.1
 * Requires PHP:      8.1
 * Author:            The cartproxy maintainers
 * License:           MIT
 * License URI:       https://opensource.org/license/mit
 * Text Domain:       cartproxy
 * Domain Path:       /languages
 *
 * Copyright (c) 2026 The cartproxy maintainers. Free software under the MIT License, which is
 * compatible with the GPL that WordPress is under; its text is in the file LICENSE.
 */

declare(strict_types=1);

namespace Cartproxy;

defined( 'ABSPATH' ) || exit;

const VERSION = '0.1.0';

require __DIR__ . '/includes/settings.php';
require __DIR__ . '/includes/service.php';
require __DIR__ . '/includes/products.php';
require __DIR__ . '/includes/widget.php';
require __DIR__ . '/includes/button.php';
require __DIR__ . '/includes/form.php';
require __DIR__ . '/includes/shortcodes.php';
require __DIR__ . '/includes/block.php';
require __DIR__ . '/includes/legacy.php';
require __DIR__ . '/includes/sidebar.php';

register_activation_hook( __FILE__, 'Cartproxy\Settings\prepare' );

add_action( 'init', 'Cartproxy\load_texts' );
add_action( 'init', 'Cartproxy\Shortcodes\register' );
add_action( 'init', 'Cartproxy\Block\register' );
add_action( 'init', 'Cartproxy\Legacy\register_shortcode', 20 );
add_action( 'widgets_init', 'Cartproxy\Legacy\register_sidebar', 20 );
add_filter( 'template_include', 'Cartproxy\Legacy\watch', 0 );
add_filter( 'script_loader_tag', 'Cartproxy\Widget\complete_tag', 10, 2 );

if ( is_admin() ) {
	require __DIR__ . '/includes/connection.php';
	require __DIR__ . '/includes/admin.php';
	add_action( 'admin_init', 'Cartproxy\Settings\register' );
	add_action( 'admin_menu', 'Cartproxy\Admin\add_page' );
	add_filter( 'plugin_action_links_' . plugin_basename( __FILE__ ), 'Cartproxy\Admin\add_link' );
}

/** Translations in the plugin's own folder. */
function load_texts(): void {
	load_plugin_textdomain( 'cartproxy', false, dirname( plugin_basename( __FILE__ ) ) . '/languages' );
}
