<?php
/**
 * `[cartproxy id="3829"]`, `[cartproxy_count]` and `[cartproxy_drawer]`.
 */

declare(strict_types=1);

namespace Cartproxy\Shortcodes;

use Cartproxy\Button;
use Cartproxy\Settings;
use Cartproxy\Widget;

defined( 'ABSPATH' ) || exit;

/** What visual editors make of quotation marks. */
const QUOTES = array( '“', '”', '„', '″', '«', '»', '&#8220;', '&#8221;', '&#8222;', '&#8243;', '&quot;', '&ldquo;', '&rdquo;' );

function register(): void {
	add_filter( 'pre_do_shortcode_tag', __NAMESPACE__ . '\with_straight_quotes', 10, 4 );
	add_shortcode( 'cartproxy', __NAMESPACE__ . '\button' );
	add_shortcode( 'cartproxy_count', __NAMESPACE__ . '\count' );
	add_shortcode( 'cartproxy_drawer', __NAMESPACE__ . '\drawer' );
}

/** Read a shortcode of ours again whose quotation marks are not those of HTML. */
function with_straight_quotes( mixed $output, string $tag, mixed $given, array $found ): mixed {
	$straight = str_replace( QUOTES, '"', $found[3] ?? '' );
	if ( false !== $output || ! str_starts_with( $tag, 'cartproxy' ) || ( $found[3] ?? '' ) === $straight ) {
		return $output;
	}
	$read = array(
		'cartproxy'        => __NAMESPACE__ . '\button',
		'cartproxy_count'  => __NAMESPACE__ . '\count',
		'cartproxy_drawer' => __NAMESPACE__ . '\drawer',
	);
	return isset( $read[ $tag ] ) ? $read[ $tag ]( shortcode_parse_atts( $straight ) ) : $output;
}

/** WordPress gives an empty string when there are no attributes. */
function button( array|string $given ): string {
	$given   = (array) $given;
	$options = array();
	foreach ( $given as $name => $value ) {
		if ( preg_match( '/^option[-_](\d{1,9})$/D', (string) $name, $match ) && ctype_digit( trim( $value ) ) ) {
			$options[ (int) $match[1] ] = (int) trim( $value );
		}
	}
	return Button\html( shortcode_atts( Button\WISHES, $given, 'cartproxy' ), $options );
}

function count( array|string $given ): string {
	$given = shortcode_atts( array( 'text' => __( 'Cart', 'cartproxy' ) ), (array) $given, 'cartproxy_count' );
	return element( sprintf( '<cart-count>%s</cart-count>', esc_html( $given['text'] ) ) );
}

function drawer( array|string $given ): string {
	$given = shortcode_atts( array( 'open_on_add' => 'no' ), (array) $given, 'cartproxy_drawer' );
	return element( 'yes' === $given['open_on_add'] ? '<cart-drawer open-on-add></cart-drawer>' : '<cart-drawer></cart-drawer>' );
}

/** An element that does nothing without the script. */
function element( string $html ): string {
	if ( ! Settings\complete() ) {
		return '';
	}
	Widget\enqueue();
	return $html;
}
