<?php
/**
 * Products for the page's HTML: asked for on the server, kept for five minutes, and in reserve for a
 * week in case the service is away.
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
 * A product, or null when nothing is known of it.
 *
 * @return ?array{name: string, price: string, currency: string, product_url: string, image_url: string, available: bool, minimum: string, step: string, option_sets: array}
 */
function find( int $catalog_id ): ?array {
	$place = place( $catalog_id );
	$kept  = get_transient( $place );
	$known = is_array( $kept ) ? $kept['product'] : null;
	if ( ( is_array( $kept ) && time() < $kept['ask_at'] ) || Service\is_away() ) {
		return $known;
	}
	// Other requests of this moment go on with what is known instead of asking, too.
	keep( $place, $known, CLAIM_SECONDS );
	$answer = Service\get( Service\store_path( "/products/$catalog_id" ), Service\key_header() );
	$told   = Service\document( $answer['body'] ) ?? array();
	if ( 404 === $answer['status'] && 'product-not-found' === ( $told['code'] ?? '' ) ) {
		keep( $place, null, FRESH_SECONDS );
		return null;
	}
	$product = 200 === $answer['status'] ? understood( $told ) : null;
	if ( null === $product ) {
		Service\went_away();
		keep( $place, $known, Service\AWAY_SECONDS );
		return $known;
	}
	keep( $place, $product, FRESH_SECONDS );
	return $product;
}

/** The transient's name: other settings, or another form of what is kept, other products. */
function place( int $catalog_id ): string {
	return 'cartproxy_p_' . md5( '3|' . Settings\service_url() . '|' . Settings\store() . '|' . $catalog_id );
}

function keep( string $place, ?array $product, int $fresh_seconds ): void {
	$entry = array(
		'product' => $product,
		'ask_at'  => time() + $fresh_seconds,
	);
	set_transient( $place, $entry, RESERVE_SECONDS );
}

/** What pages use of the service's document; null if that is not a product. */
function understood( array $told ): ?array {
	foreach ( array( 'name', 'price', 'currency' ) as $name ) {
		if ( ! is_string( $told[ $name ] ?? null ) ) {
			return null;
		}
	}
	if ( ! preg_match( '/^\d+(\.\d+)?$/D', $told['price'] ) ) {
		return null;
	}
	return array(
		'name'        => $told['name'],
		'price'       => $told['price'],
		'currency'    => $told['currency'],
		'product_url' => text( $told['product_url'] ?? '' ),
		'image_url'   => text( $told['image_url'] ?? '' ),
		'available'   => (bool) ( $told['available'] ?? true ),
		'minimum'     => text( $told['minimum_quantity'] ?? '' ),
		'step'        => text( $told['quantity_step'] ?? '' ),
		'option_sets' => array_map( __NAMESPACE__ . '\set_understood', arrays( $told['option_sets'] ?? null ) ),
	);
}

/** What the form without scripts uses of an option set. */
function set_understood( array $told ): array {
	return array(
		'kind'          => text( $told['kind'] ?? '' ),
		'max_length'    => (int) ( $told['max_length'] ?? 0 ),
		'option_set_id' => (int) ( $told['option_set_id'] ?? 0 ),
		'name'          => text( $told['name'] ?? '' ),
		'required'      => (bool) ( $told['required'] ?? false ),
		'options'       => array_map( __NAMESPACE__ . '\option_understood', arrays( $told['options'] ?? null ) ),
	);
}

function option_understood( array $told ): array {
	return array(
		'option_id'        => (int) ( $told['option_id'] ?? 0 ),
		'name'             => text( $told['name'] ?? '' ),
		'price_difference' => text( $told['price_difference'] ?? '0' ),
		'selected'         => (bool) ( $told['selected'] ?? false ),
	);
}

/** The arrays in a list; nothing of what is no list. */
function arrays( mixed $told ): array {
	return is_array( $told ) ? array_values( array_filter( $told, 'is_array' ) ) : array();
}

function text( mixed $told ): string {
	return is_scalar( $told ) ? (string) $told : '';
}

/** An amount as readers of this site write it. */
function money( string $amount, string $currency ): string {
	if ( class_exists( \NumberFormatter::class ) ) {
		$formatter = new \NumberFormatter( get_locale(), \NumberFormatter::CURRENCY );
		$written   = $formatter->formatCurrency( (float) $amount, $currency );
		if ( false !== $written ) {
			return $written;
		}
	}
	$decimals = strlen( explode( '.', $amount )[1] ?? '' );
	return number_format_i18n( (float) $amount, $decimals ) . ' ' . $currency;
}
