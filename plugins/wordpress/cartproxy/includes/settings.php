<?php
/**
 * What the site's administrator sets; only read and checked here.
 *
 * The API key has an option of its own, which is not loaded with every page and never printed.
 */

declare(strict_types=1);

namespace Cartproxy\Settings;

defined( 'ABSPATH' ) || exit;

const GROUP      = 'cartproxy';
const OPTION     = 'cartproxy_settings';
const KEY_OPTION = 'cartproxy_api_key';

/** The service's address without a slash at its end; empty if none is set that can be one. */
function service_url(): string {
	$url = untrailingslashit( value( 'service_url' ) );
	return is_service_url( $url ) ? $url : '';
}

/** The store's id at the service; empty if it is not set. */
function store(): string {
	return value( 'store' );
}

/** The store's own address, for links to products that are not known; empty if it is not set. */
function store_url(): string {
	return value( 'store_url' );
}

/** The widget's integrity, if the administrator gave one. */
function integrity(): string {
	return is_integrity( value( 'integrity' ) ) ? value( 'integrity' ) : '';
}

/** The API key; `CARTPROXY_API_KEY` in wp-config.php wins over the stored one. */
function api_key(): string {
	return key_is_fixed() ? (string) constant( 'CARTPROXY_API_KEY' ) : stored_key();
}

function stored_key(): string {
	$key = get_option( KEY_OPTION, '' );
	return is_scalar( $key ) ? (string) $key : '';
}

/** Whether wp-config.php holds the key. */
function key_is_fixed(): bool {
	return defined( 'CARTPROXY_API_KEY' );
}

/** Whether there is enough to show a button. */
function complete(): bool {
	return '' !== service_url() && '' !== store();
}

function value( string $name ): string {
	$settings = get_option( OPTION, array() );
	$value    = is_array( $settings ) ? $settings[ $name ] ?? '' : '';
	return is_scalar( $value ) ? (string) $value : '';
}

/** Create the options once, so that the key stays out of the options that every page loads. */
function prepare(): void {
	add_option( OPTION, array() );
	add_option( KEY_OPTION, '', '', false );
	take_over();
}

/** Take over the options of the store's own plugin, once: later changes here stay. */
function take_over(): void {
	$settings = get_option( OPTION );
	$old      = get_option( 'shift4shop_siteurl' );
	if ( is_array( $settings ) && ! isset( $settings['store_url'] ) && is_string( $old ) && '' !== trim( $old ) ) {
		$url = untrailingslashit( trim( $old ) );
		$url = preg_replace( '~^(?!https?://)(//)?~i', 'https://', $url );
		update_option( OPTION, array( 'store_url' => is_store_url( $url ) ? $url : '' ) + $settings );
	}
}

/** Let WordPress's own settings form save the options. */
function register(): void {
	prepare();
	$checked = array(
		'type'              => 'array',
		'sanitize_callback' => __NAMESPACE__ . '\checked',
	);
	$key     = array(
		'type'              => 'string',
		'sanitize_callback' => __NAMESPACE__ . '\checked_key',
	);
	register_setting( GROUP, OPTION, $checked );
	register_setting( GROUP, KEY_OPTION, $key );
}

/** The settings to store; an invalid one is reported by name and keeps its previous value. */
function checked( mixed $given ): array {
	$given  = is_array( $given ) ? $given : array();
	$values = array();
	foreach ( array( 'service_url', 'store', 'store_url', 'integrity' ) as $name ) {
		$text            = $given[ $name ] ?? '';
		$values[ $name ] = is_string( $text ) ? trim( $text ) : '';
	}
	$values['service_url'] = untrailingslashit( $values['service_url'] );
	$values['store_url']   = untrailingslashit( $values['store_url'] );
	foreach ( errors( $values ) as $name => $error ) {
		add_settings_error( OPTION, $name, $error );
		$values[ $name ] = value( $name );
	}
	return $values;
}

/** What is invalid: setting => reason, in the administrator's language. */
function errors( array $values ): array {
	$errors = array();
	if ( '' !== $values['service_url'] && ! is_service_url( $values['service_url'] ) ) {
		$errors['service_url'] = __( 'The service URL must begin with https:// and have no user, query or fragment. Plain http:// is only for this machine.', 'cartproxy' );
	}
	if ( '' !== $values['store'] && ! preg_match( '/^[A-Za-z0-9_-]{1,64}$/D', $values['store'] ) ) {
		$errors['store'] = __( 'A store id has letters, digits, hyphens and underscores only.', 'cartproxy' );
	}
	if ( '' !== $values['store_url'] && ! is_store_url( $values['store_url'] ) ) {
		$errors['store_url'] = __( 'The store\'s address must begin with https:// or http://.', 'cartproxy' );
	}
	if ( '' !== $values['integrity'] && ! is_integrity( $values['integrity'] ) ) {
		$errors['integrity'] = __( 'The integrity is one value such as sha384-… , as cartproxy snippet prints it.', 'cartproxy' );
	}
	return $errors;
}

function is_integrity( mixed $text ): bool {
	return is_string( $text ) && preg_match( '~^sha(256|384|512)-[A-Za-z0-9+/]{43,86}={0,2}$~D', $text );
}

function is_store_url( string $url ): bool {
	return (bool) wp_parse_url( $url, PHP_URL_HOST ) && esc_url_raw( $url, array( 'http', 'https' ) ) === $url;
}

function is_service_url( string $url ): bool {
	$parts = wp_parse_url( $url );
	if ( ! is_array( $parts ) || empty( $parts['host'] ) || esc_url_raw( $url ) !== $url ) {
		return false;
	}
	if ( array_intersect_key( $parts, array_flip( array( 'user', 'pass', 'query', 'fragment' ) ) ) ) {
		return false;
	}
	$local  = preg_match( '/^(127\.0\.0\.1|([a-z0-9-]+\.)*localhost)$/Di', $parts['host'] );
	$scheme = $parts['scheme'] ?? '';
	return 'https' === $scheme || ( 'http' === $scheme && $local );
}

/**
 * The key to store: the form sends an array with a new key, with nothing, or with the request to
 * delete the stored one.
 */
function checked_key( mixed $given ): string {
	$form = is_array( $given );
	if ( $form && ! empty( $given['forget'] ) ) {
		return '';
	}
	$text = $form ? ( $given['new'] ?? '' ) : $given;
	$text = is_string( $text ) ? trim( $text ) : '';
	if ( '' === $text && $form ) {
		return stored_key();
	}
	if ( ! preg_match( '/^[\x21-\x7e]{0,255}$/D', $text ) ) {
		add_settings_error( KEY_OPTION, 'api_key', __( 'An API key has no blanks, and only ASCII characters.', 'cartproxy' ) );
		return stored_key();
	}
	return $text;
}
