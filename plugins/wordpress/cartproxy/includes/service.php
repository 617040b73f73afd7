<?php
/**
 * The only place that calls the service: with a short timeout, without following redirects (they would
 * leak the key), and not at all for a while after it failed.
 */

declare(strict_types=1);

namespace Cartproxy\Service;

use Cartproxy\Settings;

defined( 'ABSPATH' ) || exit;

const TIMEOUT_SECONDS = 2;
const AWAY_SECONDS    = 30;
const MAX_BYTES       = 262144;
const AWAY            = 'cartproxy_away';

/**
 * GET a path of the service.
 *
 * @return array{status: int, body: string, error: string} Status 0 if there was no answer.
 */
function get( string $path, array $headers = array() ): array {
	$asked = array(
		'timeout'             => TIMEOUT_SECONDS,
		'redirection'         => 0,
		'limit_response_size' => MAX_BYTES,
		'headers'             => $headers + array( 'Accept' => 'application/json' ),
		'user-agent'          => 'cartproxy-wordpress/' . \Cartproxy\VERSION,
	);
	add_action( 'requests-requests.before_request', __NAMESPACE__ . '\connect_soon', 10, 5 );
	$began    = microtime( true );
	$response = wp_remote_get( Settings\service_url() . $path, $asked );
	waited( microtime( true ) - $began );
	remove_action( 'requests-requests.before_request', __NAMESPACE__ . '\connect_soon' );
	if ( is_wp_error( $response ) ) {
		return array(
			'status' => 0,
			'body'   => '',
			'error'  => $response->get_error_message(),
		);
	}
	return array(
		'status' => (int) wp_remote_retrieve_response_code( $response ),
		'body'   => wp_remote_retrieve_body( $response ),
		'error'  => '',
	);
}

/** WordPress's timeout leaves 10 s for the connection; it passes the options here by reference. */
function connect_soon( $url, $headers, $data, $type, &$options ): void {
	$options['connect_timeout'] = TIMEOUT_SECONDS;
}

/** The path of the store's API. */
function store_path( string $rest ): string {
	return '/v1/stores/' . rawurlencode( Settings\store() ) . $rest;
}

/** The header that proves a server-side caller; none without a key. */
function key_header(): array {
	$key = Settings\api_key();
	return '' === $key ? array() : array( 'Cartproxy-Key' => $key );
}

/** The JSON object in an answer; null for anything else. */
function document( string $body ): ?array {
	$document = json_decode( $body, true, 32 );
	return is_array( $document ) ? $document : null;
}

/** How long this page has waited for the service, in seconds, with these. */
function waited( float $seconds = 0.0 ): float {
	static $sum = 0.0;
	return $sum += $seconds;
}

/** Whether the page should not wait for the service: it failed a moment ago, or took long already. */
function is_away( string $what = AWAY ): bool {
	return waited() > apply_filters( 'cartproxy_page_seconds', TIMEOUT_SECONDS ) || is_soon( get_transient( $what ), AWAY_SECONDS );
}

/** Let no cache keep this page: it lacks what the next one may have. */
function not_for_caches(): void {
	defined( 'DONOTCACHEPAGE' ) || define( 'DONOTCACHEPAGE', true );
	headers_sent() || nocache_headers();
}

/** It failed, or a part of it: don't ask again for a while. */
function went_away( string $what = AWAY ): void {
	set_transient( $what, time() + AWAY_SECONDS, AWAY_SECONDS );
}

/** Whether a kept time is still to come, in so many seconds at most: the clock may have been wrong then. */
function is_soon( mixed $kept, int $seconds ): bool {
	$left = is_numeric( $kept ) ? $kept - time() : 0;
	return $left > 0 && $left <= $seconds;
}
