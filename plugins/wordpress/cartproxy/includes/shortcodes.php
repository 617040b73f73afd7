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

/** What visual editors make of quotation marks, as alternatives of a pattern. */
const QUOTES = '“|”|„|″|«|»|&#8220;|&#8221;|&#8222;|&#8243;|&quot;|&ldquo;|&rdquo;';
const SINGLE = '‘|’|‚|′|&#8216;|&#8217;|&#8218;|&#8242;|&#039;|&lsquo;|&rsquo;';
/** A value between them; in a value between straight ones they are the author's own. */
const VALUE  = '~=\s*(?|(?:' . QUOTES . ')(.*?)(?:"|' . QUOTES . ')|(?:' . SINGLE . ")(.*?)(?:'|" . SINGLE . '))(?=\s|$)~su';
const BLANKS = array( "\u{a0}", '&nbsp;', '&#160;', '<br />' ); // a line break is one once WordPress has read it
const NO     = array( 'no', 'false', '0', 'off', 'none' );
const OURS   = array(
	'cartproxy'        => __NAMESPACE__ . '\button',
	'cartproxy_count'  => __NAMESPACE__ . '\count',
	'cartproxy_drawer' => __NAMESPACE__ . '\drawer',
);

function register(): void {
	add_filter( 'pre_do_shortcode_tag', __NAMESPACE__ . '\with_straight_quotes', 10, 4 );
	add_filter( 'render_block_core/shortcode', __NAMESPACE__ . '\in_column' );
	foreach ( OURS as $tag => $function ) {
		add_shortcode( $tag, $function );
	}
}

/** Parse a shortcode of ours again if its quotation marks or blanks are not those of HTML. */
function with_straight_quotes( mixed $output, string $tag, mixed $given, array $found ): mixed {
	$function = $GLOBALS['shortcode_tags'][ $tag ] ?? null;
	$written  = $found[3] ?? '';
	// While the store's own plugin is active, its shortcode is its own.
	if ( false !== $output || ! is_string( $function ) || ! str_starts_with( $function, 'Cartproxy\\' ) ) {
		return $output;
	}
	$straight = preg_replace( VALUE, '="$1"', str_replace( BLANKS, ' ', $written ) ) ?? $written;
	return $straight === $written ? $output : $function( shortcode_parse_atts( $straight ), $found[5] ?? null );
}

/** Block themes put blocks into the page's column, but text without an element around it outside of it. */
function in_column( mixed $html ): mixed {
	return is_string( $html ) && str_contains( $html, '[cartproxy' ) ? "<div>$html</div>" : $html;
}

/** The attributes, trimmed; WordPress passes an empty string if there are none. */
function trimmed( array|string $given ): array {
	return array_map( 'trim', (array) $given );
}

/** What the shortcode says, or else the defaults, as texts: other plugins may filter them. */
function completed( array $defaults, array $given, string $tag ): array {
	$filtered = shortcode_atts( $defaults, $given, $tag );
	return array_map( 'Cartproxy\Products\text', (array) $filtered ) + $defaults;
}

/** The content of [cartproxy 3829]…[/cartproxy] is the button's text. */
function button( array|string $given, ?string $content = null ): string {
	$given   = trimmed( $given );
	$inside  = trim( wp_strip_all_tags( (string) $content ) );
	$options = array();
	if ( str_contains( $inside, '[' ) ) {
		// WordPress takes the end of a later shortcode for this one's, and all between for content.
		return button( $given ) . do_shortcode( (string) $content );
	}
	foreach ( $given as $name => $value ) {
		if ( preg_match( '/^option[-_](\d{1,9})$/D', (string) $name, $match ) && ctype_digit( $value ) ) {
			$options[ (int) $match[1] ] = (int) $value;
		}
	}
	// Also [cartproxy 3829], and the name that the attribute has elsewhere.
	$given     += array(
		'id'   => $given['catalog_id'] ?? $given['catalog-id'] ?? $given[0] ?? '',
		'text' => $inside,
	);
	$attributes = completed( array_diff_key( Button\ATTRIBUTES, array( 'link' => '' ) ), $given, 'cartproxy' );
	foreach ( array( 'details', 'fallback', 'price_check' ) as $word ) {
		$attributes[ $word ] = strtolower( $attributes[ $word ] );
	}
	$attributes['details'] = in_array( $attributes['details'], NO, true ) ? 'no' : 'yes';
	return Button\html( $attributes + Button\ATTRIBUTES, $options );
}

function count( array|string $given ): string {
	$given = completed( array( 'text' => __( 'Cart', 'cartproxy' ) ), trimmed( $given ), 'cartproxy_count' );
	return element( sprintf( '<cart-count>%s</cart-count>', esc_html( $given['text'] ) ) );
}

function drawer( array|string $given ): string {
	$given = trimmed( $given );
	$word  = $given['open_on_add'] ?? ( in_array( 'open_on_add', $given, true ) ? 'yes' : 'no' );
	return element( in_array( strtolower( $word ), NO, true ) ? '<cart-drawer></cart-drawer>' : '<cart-drawer open-on-add></cart-drawer>' );
}

/** An element that does nothing without the script. */
function element( string $html ): string {
	if ( ! Settings\complete() ) {
		return Button\without_settings();
	}
	Widget\enqueue();
	return $html;
}
