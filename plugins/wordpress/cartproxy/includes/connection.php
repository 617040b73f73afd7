<?php
/**
 * The connection test of the settings page: what works, and how to fix what does not.
 */

declare(strict_types=1);

namespace Cartproxy\Connection;

use Cartproxy\Service;
use Cartproxy\Settings;
use Cartproxy\Widget;

defined( 'ABSPATH' ) || exit;

const OK      = 'ok';
const PROBLEM = 'problem';

/**
 * Ask the service for everything that the plugin relies on. Nothing is changed there.
 *
 * @return array<array{level: string, text: string}>
 */
function findings(): array {
	if ( ! Settings\complete() ) {
		return array( problem( __( 'Service URL and store id are not saved yet.', 'cartproxy' ) ) );
	}
	$alive = about_service();
	if ( PROBLEM === $alive['level'] ) {
		return array( $alive );
	}
	delete_transient( Service\AWAY );
	return array( $alive, ...about_site(), about_key(), about_widget() );
}

function about_service(): array {
	$answer = Service\get( '/livez' );
	if ( 0 === $answer['status'] ) {
		/* translators: 1: an address, 2: a reason such as "Connection refused". */
		return problem( sprintf( __( 'No answer from %1$s: %2$s. Is the address right, and may this server reach it?', 'cartproxy' ), Settings\service_url(), $answer['error'] ) );
	}
	if ( 200 !== $answer['status'] || 'alive' !== ( Service\document( $answer['body'] )['status'] ?? '' ) ) {
		/* translators: 1: an address, 2: an HTTP status such as 404. */
		return problem( sprintf( __( 'What answers at %1$s is not a cartproxy service (status %2$d).', 'cartproxy' ), Settings\service_url(), $answer['status'] ) );
	}
	/* translators: %s: an address. */
	return fine( sprintf( __( 'The service answers at %s.', 'cartproxy' ), Settings\service_url() ) );
}

/** Two findings from one reading of an empty cart, requested as a reader's browser on this site does. */
function about_site(): array {
	$origin = origin( home_url() );
	$answer = Service\get( Service\store_path( '/cart' ), array( 'Origin' => $origin ) );
	$code   = Service\document( $answer['body'] )['code'] ?? '';
	if ( 'store-not-found' === $code ) {
		/* translators: %s: a store id. */
		return array( problem( sprintf( __( 'The service knows no store “%s”. Ask its operator for the id.', 'cartproxy' ), Settings\store() ) ) );
	}
	/* translators: %s: a store id. */
	$store = fine( sprintf( __( 'The service knows the store “%s”.', 'cartproxy' ), Settings\store() ) );
	if ( 'origin-refused' === $code ) {
		/* translators: %s: an origin such as https://blog.example. */
		return array( $store, problem( sprintf( __( 'This site is not on the store\'s list. Ask the operator to add the origin %s.', 'cartproxy' ), $origin ) ) );
	}
	if ( 200 !== $answer['status'] ) {
		return array( unexpected( __( 'An empty cart could not be read', 'cartproxy' ), $answer ) );
	}
	/* translators: %s: an origin such as https://blog.example. */
	return array( $store, fine( sprintf( __( 'This site, %s, is on the store\'s list of origins.', 'cartproxy' ), $origin ) ) );
}

/** Reads with only the key, as pages do when they are made. */
function about_key(): array {
	if ( '' === Settings\api_key() ) {
		return fine( __( 'No API key is set: names and prices are requested without one.', 'cartproxy' ) );
	}
	// No product has the number 0, so the store behind the service is not asked.
	$answer = Service\get( Service\store_path( '/products/0' ), Service\key_header() );
	$code   = Service\document( $answer['body'] )['code'] ?? '';
	if ( 'key-refused' === $code ) {
		return problem( __( 'The service does not accept the API key. Enter the one that the operator gave you for this store.', 'cartproxy' ) );
	}
	if ( 'product-not-found' !== $code ) {
		return unexpected( __( 'The API key could not be tried', 'cartproxy' ), $answer );
	}
	return fine( __( 'The service accepts the API key.', 'cartproxy' ) );
}

/** Also takes over the integrity that is found, unless one is set. */
function about_widget(): array {
	$computed = Widget\computed();
	if ( '' === $computed ) {
		/* translators: %s: a version. */
		return problem( sprintf( __( 'The service does not have release %s of the widget, which this plugin uses.', 'cartproxy' ), Widget\RELEASE ) );
	}
	if ( '' === Settings\integrity() ) {
		Widget\remember( $computed );
	} elseif ( Settings\integrity() !== $computed && str_starts_with( Settings\integrity(), 'sha384-' ) ) {
		/* translators: %s: an integrity value. */
		return problem( sprintf( __( 'The integrity you set is not that of the widget, %s. Browsers will not load it.', 'cartproxy' ), $computed ) );
	}
	/* translators: 1: a version, 2: an integrity value. */
	return fine( sprintf( __( 'The widget\'s release %1$s is there; its integrity is %2$s.', 'cartproxy' ), Widget\RELEASE, $computed ) );
}

/** The origin of a page, as browsers send it. */
function origin( string $url ): string {
	$parts  = wp_parse_url( strtolower( $url ) );
	$usual  = array(
		'http'  => 80,
		'https' => 443,
	);
	$port   = $parts['port'] ?? $usual[ $parts['scheme'] ];
	$suffix = $usual[ $parts['scheme'] ] === $port ? '' : ":$port";
	$idna   = class_exists( \WpOrg\Requests\IdnaEncoder::class ) ? \WpOrg\Requests\IdnaEncoder::class : \Requests_IDNAEncoder::class; // before WordPress 6.2
	return "{$parts['scheme']}://{$idna::encode( $parts['host'] )}$suffix";
}

function unexpected( string $what, array $answer ): array {
	$said = Service\document( $answer['body'] )['detail'] ?? $answer['error'];
	/* translators: 1: what failed, 2: an HTTP status, 3: what the service said. */
	return problem( sprintf( __( '%1$s (status %2$d): %3$s', 'cartproxy' ), $what, $answer['status'], is_string( $said ) ? $said : '' ) );
}

function fine( string $text ): array {
	return array(
		'level' => OK,
		'text'  => $text,
	);
}

function problem( string $text ): array {
	return array(
		'level' => PROBLEM,
		'text'  => $text,
	);
}
