<?php
/**
 * For sites that had the store's own plugin: its shortcode and its sidebar widget, without its script.
 */

declare(strict_types=1);

namespace Cartproxy\Legacy;

use Cartproxy\Button;
use Cartproxy\Products;
use Cartproxy\Settings;
use Cartproxy\Shortcodes;
use Cartproxy\Sidebar;
use Cartproxy\Widget;

defined( 'ABSPATH' ) || exit;

const SHORTCODE = 'shift4shop';
const SIDEBAR   = 'shift4shop_widget';
/** What the store's plugin shows by default. */
const DEFAULTS = array(
	'catalog_id'        => '',
	'stock_text'        => 'In Stock',
	'nostock_text'      => 'Out of Stock',
	'button_color'      => '#333333',
	'button_text_color' => '#ffffff',
	'bg_color'          => '#ffffff',
	'text_color'        => '#000000',
	'button_text'       => 'Buy Now',
);
const SCRIPT   = '~<script\b[^>]*\ssrc\s*=\s*["\']?[^"\'>\s]*/buy_widget(\.min)?\.js\b[^>]*>\s*</script\s*>~i';

/** After other plugins: while the store's own is active, the shortcode stays its own. */
function register_shortcode(): void {
	if ( ! shortcode_exists( SHORTCODE ) ) {
		add_shortcode( SHORTCODE, __NAMESPACE__ . '\shortcode' );
	}
}

/** Likewise; the instances that the store's plugin has saved are found by the widget's id. */
function register_sidebar(): void {
	global $wp_widget_factory;
	if ( ! in_array( SIDEBAR, array_column( $wp_widget_factory->widgets, 'id_base' ), true ) ) {
		register_widget( Sidebar::class );
	}
}

/** A product as a card, with the classes that sites may have styled. */
function shortcode( array|string $given ): string {
	$looks  = Shortcodes\completed( DEFAULTS, Shortcodes\trimmed( $given ), SHORTCODE );
	$colors = array(
		'background-color' => $looks['bg_color'],
		'color'            => $looks['text_color'],
	);
	return sprintf( '<div class="buy-content"%s>%s</div>', style( $colors ), card( $looks ) );
}

function card( array $looks ): string {
	$product = product( $looks['catalog_id'] );
	$colors  = array(
		'background-color' => $looks['button_color'],
		'color'            => $looks['button_text_color'],
	);
	$attributes    = array(
		'text'        => $looks['button_text'],
		'text_sold'   => $looks['nostock_text'],
		'details'     => 'no',
		'shown_price' => $product['price'] ?? '',
		'link'        => ' class="wp-element-button"' . style( $colors, 'display:inline-block;' ),
	);
	$button  = sprintf( '<div class="buy-content-buybtn">%s</div>', button( $looks['catalog_id'], $attributes, $product ) );
	if ( null === $product || is_elsewhere( $product ) ) {
		return $button;
	}
	$status = $product['available'] ? $looks['stock_text'] : '';
	return picture( $product )
		. part( 'itemname', $product['name'] )
		. part( 'itemprice', Products\money( $product['price'], $product['currency'] ) )
		. ( '' === $status ? '' : part( 'status', $status ) )
		. $button;
}

/** The product, or null if it is not known. */
function product( string $written ): ?array {
	$id = Button\number( $written );
	return '' === $id || ! Settings\complete() ? null : Products\find( (int) $id );
}

/** The button; a link to the store if the product is not known or belongs to another store. */
function button( string $id, array $attributes, ?array $product ): string {
	$store = Settings\store_url();
	if ( null === $product ) {
		return Button\html( array( 'id' => $id, 'url' => $store ) + $attributes + Button\ATTRIBUTES );
	}
	if ( is_elsewhere( $product ) ) {
		/* translators: 1: the address of a store, 2: the address of another one. */
		$words = sprintf( __( 'This button was made for %1$s, and the service sells for %2$s: see Settings → cartproxy.', 'cartproxy' ), $store, $product['product_url'] );
		return Button\mistake( 'the store is another one', $words ) . Button\link( $store, $attributes['text'] ?? __( 'Add to cart', 'cartproxy' ), $attributes['link'] );
	}
	return Button\html( array( 'id' => $id ) + $attributes + Button\ATTRIBUTES );
}

function part( string $name, string $text ): string {
	return sprintf( '<div class="buy-content-%s">%s</div>', $name, esc_html( $text ) );
}

function picture( array $product ): string {
	$address = esc_url( $product['image_url'], array( 'http', 'https' ) );
	return '' === $address ? '' : sprintf( '<img class="buy-content-image" src="%s" width="240" alt="" loading="lazy">', $address );
}

/** Whether the store that the old plugin was set to is another one than the service's. */
function is_elsewhere( array $product ): bool {
	$hosts = array();
	foreach ( array( Settings\store_url(), $product['product_url'] ) as $url ) {
		$hosts[] = preg_replace( '/^www\./', '', strtolower( (string) wp_parse_url( $url, PHP_URL_HOST ) ) );
	}
	return ! in_array( '', $hosts, true ) && $hosts[0] !== $hosts[1];
}

/** A style attribute of these rules and the colours that are colours. */
function style( array $colors, string $rules = '' ): string {
	foreach ( $colors as $property => $color ) {
		$color = preg_replace( '/^(?=([\da-f]{3}){1,2}$)/i', '#', trim( $color ) );
		if ( preg_match( '/^(#[\da-f]{3,8}|[a-z]{3,24}|(rgb|hsl)a?\([\d\s.,%\/]{5,40}\))$/Di', $color ) ) {
			$rules .= "$property:$color;";
		}
	}
	return '' === $rules ? '' : sprintf( ' style="%s"', esc_attr( $rules ) );
}

/**
 * Read the whole page before it is sent: the old script may come from the store's plugin, a theme's
 * file, or an author's own HTML. Only pages have a template, and not the files that others send.
 */
function watch( mixed $template ): mixed {
	if ( Settings\complete() ) {
		ob_start( __NAMESPACE__ . '\without_old_script' );
	}
	return $template;
}

/** The page with our script instead of the old one, never with both. */
function without_old_script( string $page ): string {
	$cleaned = preg_replace( SCRIPT, '', $page );
	if ( null === $cleaned || $cleaned === $page || '' === Widget\integrity() ) {
		return $page;
	}
	if ( wp_script_is( Widget\HANDLE, 'done' ) ) {
		return $cleaned;
	}
	$end = strripos( $cleaned, '</body' );
	return false === $end ? $page : substr_replace( $cleaned, Widget\tag(), $end, 0 );
}
