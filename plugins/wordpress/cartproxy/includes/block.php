<?php
/**
 * The block `cartproxy/button`: saved as its attributes alone, drawn on the server.
 */

declare(strict_types=1);

namespace Cartproxy\Block;

use Cartproxy\Button;

defined( 'ABSPATH' ) || exit;

function register(): void {
	register_block_type( dirname( __DIR__ ) . '/blocks/button', array( 'render_callback' => __NAMESPACE__ . '\html' ) );
	wp_set_script_translations( 'cartproxy-button-editor-script', 'cartproxy', dirname( __DIR__ ) . '/languages' );
}

/** The block's HTML, in the editor's preview and in the post. */
function html( array $given ): string {
	$attributes = array(
		'id'          => (string) ( $given['catalogId'] ?? '' ),
		'text'        => (string) ( $given['text'] ?? '' ),
		'shown_price' => (string) ( $given['shownPrice'] ?? '' ),
		'quantity'    => (string) ( $given['quantity'] ?? '1' ),
		'url'         => (string) ( $given['url'] ?? '' ),
		'fallback'    => (string) ( $given['fallback'] ?? '' ),
		'details'     => ( $given['details'] ?? true ) ? 'yes' : 'no',
	);
	return sprintf( '<div %s>%s</div>', get_block_wrapper_attributes(), Button\html( $attributes + Button\ATTRIBUTES ) );
}
