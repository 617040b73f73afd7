<?php
/**
 * The widget's script: one pinned release, once in a page, and only with its integrity.
 *
 * While the integrity is not known there is no script: buttons are the links or forms inside them.
 */

declare(strict_types=1);

namespace Cartproxy\Widget;

use Cartproxy\Service;
use Cartproxy\Settings;

defined( 'ABSPATH' ) || exit;

const RELEASE = '1.1.0';
const HANDLE  = 'cartproxy';
const OPTION  = 'cartproxy_integrity';
const ABSENT  = 'cartproxy_no_widget';

/** Have the page load the script. */
function enqueue(): void {
	if ( Settings\complete() && '' !== integrity() ) {
		// No version in the address: the release is in its path.
		wp_enqueue_script( HANDLE, url(), array(), null, true ); // phpcs:ignore WordPress.WP.EnqueuedResourceParameters.MissingVersion
	}
}

function url(): string {
	return Settings\service_url() . path();
}

function path(): string {
	return '/widget/' . RELEASE . '/cartproxy.js';
}

/** The attributes that WordPress can't set, on only this tag. */
function complete_tag( mixed $tag, mixed $handle ): mixed {
	if ( HANDLE !== $handle || ! is_string( $tag ) ) {
		return $tag;
	}
	$more = attributes();
	if ( ! class_exists( \WP_HTML_Tag_Processor::class ) ) { // before WordPress 6.2
		$own = '~<script\b(?=[^>]*\ssrc\s*=\s*["\']?' . preg_quote( esc_url( url() ), '~' ) . ')~i';
		return (string) preg_replace( $own, '<script' . addcslashes( wp_sanitize_script_attributes( $more ), '\\$' ), $tag, 1 );
	}
	$tags = new \WP_HTML_Tag_Processor( $tag );
	while ( $tags->next_tag( 'script' ) ) {
		// Other plugins put scripts of their own before and after it.
		if ( str_contains( (string) $tags->get_attribute( 'src' ), path() ) ) {
			foreach ( $more as $name => $value ) {
				$tags->set_attribute( $name, $value );
			}
		}
	}
	return $tags->get_updated_html();
}

function attributes(): array {
	return array(
		'data-store'  => Settings\store(),
		'integrity'   => integrity(),
		'crossorigin' => 'anonymous',
		'defer'       => true,
	);
}

/** The script for a page that WordPress has already made. */
function tag(): string {
	return wp_get_script_tag( array( 'src' => url() ) + attributes() );
}

/** The integrity to print: as set, else as computed when the release was first seen, else empty. */
function integrity(): string {
	if ( '' !== Settings\integrity() ) {
		return Settings\integrity();
	}
	$seen = get_option( OPTION, array() );
	if ( is_array( $seen ) && url() === ( $seen['url'] ?? '' ) && Settings\is_integrity( $seen['integrity'] ?? '' ) ) {
		return $seen['integrity'];
	}
	$asks     = ! Service\is_away() && ! Service\is_away( ABSENT );
	$computed = $asks ? computed() : '';
	if ( '' !== $computed ) {
		remember( $computed );
		return $computed;
	}
	if ( $asks ) {
		Service\went_away( ABSENT );
	}
	Service\not_for_caches();
	return '';
}

/** The integrity of the release as the service gives it now; empty if it can't be had. */
function computed(): string {
	$answer = Service\get( path(), array( 'Accept' => 'text/javascript' ) );
	$whole  = 200 === $answer['status'] && '' !== $answer['body'] && strlen( $answer['body'] ) < Service\MAX_BYTES;
	return $whole ? 'sha384-' . base64_encode( hash( 'sha384', $answer['body'], true ) ) : ''; // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
}

function remember( string $integrity ): void {
	$seen = array(
		'url'       => url(),
		'integrity' => $integrity,
	);
	update_option( OPTION, $seen );
}
