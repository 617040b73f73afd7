<?php
/**
 * Products for the page's HTML: fetched by the server, cached for five minutes, and for a week in
 * case the service is away.
 */

declare(strict_types=1);

namespace Cartproxy\Products;

use Cartproxy\Service;
use Cartproxy\Settings;

defined( 'ABSPATH' ) || exit;

const FRESH_SECONDS   = 300;
const RESERVE_SECONDS = WEEK_IN_SECONDS;
const CLAIM_SECONDS   = 10;

/**
 * A product, or null if it is not known. A page that lacks one that may exist is kept by no cache.
 *
 * @return ?array{name: string, price: string, currency: string, product_url: string, image_url: string, available: bool, minimum_quantity: string, quantity_step: string, option_sets: array, variants: array}
 */
function find( int $catalog_id ): ?array {
	$product = known( $catalog_id );
	if ( null === $product ) {
		Service\not_for_caches();
	}
	return is_array( $product ) ? $product : null;
}

/** The product; false if the store has none, null if that is not known. */
function known( int $catalog_id ): array|false|null {
	$place = place( $catalog_id );
	$kept  = (array) get_transient( $place );
	$known = $kept['product'] ?? null;
	$known = is_array( $known ) ? parsed( $known ) : ( false === $known ? false : null );
	$sound = null !== $known || ! isset( $kept['product'] );
	if ( ( $sound && Service\is_soon( $kept['ask_at'] ?? 0, FRESH_SECONDS ) ) || Service\is_away() ) {
		return $known;
	}
	// Meanwhile other requests use what is known instead of fetching it too.
	keep( $place, $known, CLAIM_SECONDS );
	$answer = Service\get( Service\store_path( "/products/$catalog_id" ), Service\key_header() );
	$json   = Service\document( $answer['body'] ) ?? array();
	$code   = $json['code'] ?? '';
	if ( 'product-not-found' === $code || 'product-refused' === $code ) {
		keep( $place, false, FRESH_SECONDS );
		return false;
	}
	$product = 200 === $answer['status'] ? parsed( $json ) : null;
	if ( null === $product ) {
		// That one says that this product can't be read; others say that none can.
		if ( 'store-bad-response' !== $code ) {
			Service\went_away();
		}
		keep( $place, $known, Service\AWAY_SECONDS );
		return $known;
	}
	keep( $place, $product, FRESH_SECONDS );
	return $product;
}

/** The transient's name: it changes with the settings and with the format. */
function place( int $catalog_id ): string {
	return 'cartproxy_p_' . md5( '5|' . Settings\service_url() . '|' . Settings\store() . '|' . $catalog_id );
}

function keep( string $place, array|false|null $product, int $fresh_seconds ): void {
	$entry = array(
		'product' => $product,
		'ask_at'  => time() + $fresh_seconds,
	);
	set_transient( $place, $entry, RESERVE_SECONDS );
}

/** The parts of the service's document, or of a kept one, that pages use; null if it is not a product. */
function parsed( array $json ): ?array {
	foreach ( array( 'name', 'price', 'currency' ) as $name ) {
		if ( ! is_string( $json[ $name ] ?? null ) ) {
			return null;
		}
	}
	if ( ! preg_match( '/^\d+(\.\d+)?$/D', $json['price'] ) ) {
		return null;
	}
	return array(
		'name'             => $json['name'],
		'price'            => $json['price'],
		'currency'         => $json['currency'],
		'product_url'      => text( $json['product_url'] ?? '' ),
		'image_url'        => text( $json['image_url'] ?? '' ),
		'available'        => (bool) ( $json['available'] ?? true ),
		'minimum_quantity' => text( $json['minimum_quantity'] ?? '' ),
		'quantity_step'    => text( $json['quantity_step'] ?? '' ),
		'option_sets'      => array_map( __NAMESPACE__ . '\parsed_set', arrays( $json['option_sets'] ?? null ) ),
		'variants'         => array_values( array_filter( arrays( $json['variants'] ?? null ), __NAMESPACE__ . '\is_sold_out' ) ),
	);
}

/** The parts of an option set that the form without scripts uses. */
function parsed_set( array $json ): array {
	return array(
		'kind'          => text( $json['kind'] ?? '' ),
		'max_length'    => (int) ( $json['max_length'] ?? 0 ),
		'option_set_id' => (int) ( $json['option_set_id'] ?? 0 ),
		'name'          => text( $json['name'] ?? '' ),
		'required'      => (bool) ( $json['required'] ?? false ),
		'options'       => array_map( __NAMESPACE__ . '\parsed_option', arrays( $json['options'] ?? null ) ),
	);
}

function parsed_option( array $json ): array {
	return array(
		'option_id'        => (int) ( $json['option_id'] ?? 0 ),
		'name'             => text( $json['name'] ?? '' ),
		'price_difference' => text( $json['price_difference'] ?? '0' ),
		'selected'         => (bool) ( $json['selected'] ?? false ),
	);
}

/** Whether this variant means that its only option is sold out whatever else is chosen. */
function is_sold_out( array $json ): bool {
	return false === ( $json['available'] ?? true ) && 1 === count( (array) ( $json['option_ids'] ?? null ) );
}

/** The arrays in a list; none if it is not a list. */
function arrays( mixed $json ): array {
	return is_array( $json ) ? array_values( array_filter( $json, 'is_array' ) ) : array();
}

function text( mixed $json ): string {
	return is_scalar( $json ) ? (string) $json : '';
}

/** An amount as readers of this site write it, with all the decimals that the service gives. */
function money( string $amount, string $currency ): string {
	$decimals = strlen( explode( '.', $amount )[1] ?? '' );
	if ( class_exists( \NumberFormatter::class ) ) {
		$formatter = new \NumberFormatter( get_locale(), \NumberFormatter::CURRENCY );
		$formatter->setAttribute( \NumberFormatter::FRACTION_DIGITS, $decimals );
		$written = $formatter->formatCurrency( (float) $amount, $currency );
		if ( false !== $written ) {
			return $written;
		}
	}
	return number_format_i18n( (float) $amount, $decimals ) . ' ' . $currency;
}
